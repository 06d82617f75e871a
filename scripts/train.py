"""Train a network on images: the same as `functional-nn train`."""

import sys

from functional_nn.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
