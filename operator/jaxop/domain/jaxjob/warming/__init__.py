"""spec.compileCache.warmup: a job that wants its program compiled before, or beside, its start.

Must not know: how a Warmup does it.

`asked` is the Warmup that jobs of the same program share, `hold` what a job does that waits.
"""
