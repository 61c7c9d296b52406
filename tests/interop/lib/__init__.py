"""What the black-box suites share: servers to start, a raw client, a base test case.

The suites put the folder above this one on sys.path and import `lib.servers` and so on.
"""
