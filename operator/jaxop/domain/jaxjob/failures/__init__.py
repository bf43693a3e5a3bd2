"""What went wrong, and what follows from it.

failure         has the attempt ended, and of what?
pod_cause       what one pod tells of its end
epoch_ends      epochs that failed and were followed by another, as the gang tells them
lost_pods       pods that are lost while their gang lives on
restart_policy  `judge`: again in place, again with new pods, or the end
ledger          what the policy goes by: ours and the gang's
restart         the status after a verdict
replacing       which lost pods get successors now
recreate        successors that do not come: all pods anew
restarting      how a restart under way is told
"""
