"""`python -m vitalstream_devstack demo`: the whole pipeline on this machine."""

import argparse

from vitalstream_devstack.demo.run import main
from vitalstream_runtime import program


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m vitalstream_devstack")
    commands = parser.add_subparsers(required=True)
    commands.add_parser("demo", help="run everything here; docs/configuration.md has its settings")
    parser.parse_args()
    return main()


if __name__ == "__main__":
    program.run(_main)
