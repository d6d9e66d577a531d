"""The version of everything in this tree."""

VERSION = "0.1.0"
