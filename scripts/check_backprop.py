"""Judge hand-written backpropagation: the same as `functional-nn check`."""

import sys

from functional_nn.cli import main

if __name__ == "__main__":
    sys.exit(main(["check", *sys.argv[1:]]))
