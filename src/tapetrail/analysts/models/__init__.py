"""Models of providers, asked over HTTP: one module a wire format, and the transport for them all.

Here bytes are built, sent and read. What is asked, what an answer means, what it cost and whether
to ask again at once is decided elsewhere; nothing here writes to the record or reads the
environment, but for proxies and certificates, which the transport's library takes from there.
"""
