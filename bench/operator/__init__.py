"""What the operator costs and how fast it is, against a real API server without any kubelet.

    python -m bench.operator --n 500 --mode alone    operator, API server, etcd
    python -m bench.operator --n 500 --mode full     and controller-manager, scheduler, kwok
    python -m bench.operator --large                 one job of 64 slices x 16 hosts, recreated

`isolation` puts everything into a network namespace of its own, `plane` starts it, `gangs` answers
as the launchers in kwok's pods would, `watcher` notes when what was seen, `many` and `large` are
the two scenarios, `report` prints. The operator runs as its users run it, in a process of its own,
and is only looked at from outside: `process` reads /proc, `requests` the API server's metrics.
"""
