"""The keeper: the only one that writes what is published in a CompileCache.

`keep` is the process: a pass every second in a thread, and the pages in `serve`. A pass (`passes`)
takes what is new in the `staging` area and has `publish` check and publish it, lets `evict` decide
by the `policy` which namespaces go, empties the `trash`, and uses what time is left to `scrub`.
`census` is what is published, `status` what is told of it all.

No step leaves something wrong behind if it is the last: content is named by its hash and renamed
into place before the manifest that points to it. Two keepers on one volume are therefore only a
waste. Ages are the time for which something has been seen unchanged by this process (`ages`), not
differences of clocks. What others have written is untrusted: names, kinds of files, sizes, depths.
"""
