"""Does the subject read the values that it is given, whichever memory they lie in, and write all that it returns?"""
