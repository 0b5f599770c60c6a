"""Runs: made, admitted, found, driven, rehearsed."""
