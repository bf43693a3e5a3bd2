"""What is created for an attempt: one Job for each slice, the gang's Service, successors of pods.

Must not know: how the job stands. `children` says what is missing and what is stale; `job` and
`pod` build the manifests from the user's template, with `placement`, `program_env` and the rest
adding one concern each; `gang` and `names` say which process is which pod.
"""
