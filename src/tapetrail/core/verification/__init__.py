"""What rows and files say against each other: digests, seals, links, events.

Pure: rows come in as they were read, faults go out. Ids are where to look, never evidence.
"""
