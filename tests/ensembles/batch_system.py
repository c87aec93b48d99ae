"""A scheduler whose workers are jobs of a batch system, by the stand-in of dask-jobqueue for one.

``python batch_system.py SECONDS`` prints the address; the jobs start after so many seconds, and
end with its input. Its dashboard has the usual port, so that runs beside it need another.
"""

import sys
import time

from dask_jobqueue.local import LocalCluster

OPTIONS = {"processes": 1, "nanny": False, "scheduler_options": {"dashboard_address": None}}

if __name__ == "__main__":
    with LocalCluster(cores=1, memory="2GB", **OPTIONS) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(float(sys.argv[1]))
        cluster.scale(jobs=1)
        sys.stdin.read()
