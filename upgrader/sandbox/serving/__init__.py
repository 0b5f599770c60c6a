"""A world on a socket: the server, the life it leads there, and the file by which clients find it."""
