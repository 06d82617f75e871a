"""What follows from the choices before the first step: the network, its optimizer, the first state."""
