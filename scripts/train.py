"""Train a network on images: the same as `functional-nn train`."""

import sys

if __name__ == "__main__":
    sys.argv[:1] = ["functional-nn", "train"]  # known before the import, which a signal may interrupt
    from functional_nn.cli import main

    sys.exit(main())
