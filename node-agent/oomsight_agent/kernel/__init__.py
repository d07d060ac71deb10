"""One reader for each kernel file: the path, one literal example, the kernel versions, the source, and a pure parser.

A parser takes bytes and answers with a value or with a `Problem` that says what was expected and what was found. What a kernel
does not have is None: absent is neither zero nor an error. Only `files` touches descriptors; only `read_errors` counts and logs.
"""
