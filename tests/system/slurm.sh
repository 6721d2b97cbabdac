#!/usr/bin/env bash
# slurm.sh - `sweep submit` on a real Slurm, which this script starts for itself on loopback: controller, one node and
# munge as this user's processes, no systemd, nothing outside a scratch folder. Skipped where Slurm is not installed; what
# needs none (the scripts, and tasks run by hand) is checked in any case. Needs TIERSIM and srcdir.
set -u
srcdir=$(cd "$srcdir" && pwd)
TIERSIM=$(realpath "$TIERSIM")
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
chmod 755 "$scratch" # munge refuses a socket that not all can reach
daemons=()
clean_up() {
    [ ${#daemons[@]} -eq 0 ] || kill "${daemons[@]}" 2> /dev/null
    for pid in "${daemons[@]}"; do
        for _ in $(seq 50); do
            kill -0 "$pid" 2> /dev/null || break
            sleep 0.1
        done
    done
    rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch" || exit 1
. "$srcdir/tests/check.sh"
suite=slurm
sweep() { timeout 100 "$TIERSIM" sweep "$@"; }
dump() { sqlite3 "$1" .dump | grep -v '^PRAGMA\|^INSERT INTO study '; }

cat > study.ini << E
extends $srcdir/scenarios/quickstart.ini
[run]
log = summary
[replica]
count = \${gpus=2, 4}
[workload]
requests = 8000
rate = \${9/s * gpus}
[router]
policy = \${router=random, least_requests}
[sweep]
repeat = 3
E
mkdir one && cp study.ini one
(cd one && sweep study.ini -o all.db -j 2 -q)

# ---- by hand ----
mkdir hand && cp study.ini hand
cd hand || exit 1
check "submit --dry-run writes the scripts" 0 "all.d/array.sh: 12 points in 3 tasks of up to 5" sweep submit --engine slurm --chunk 5 study.ini -o all.db --dry-run --sbatch=--partition=ci
check "an array of three tasks" 0 "^#SBATCH --array=0-2$" cat all.d/array.sh
check "options of sbatch are passed on" 0 "^#SBATCH --partition=ci$" cat all.d/array.sh
check "points are listed with their values" 0 "^11 gpus=4 router=least_requests$" cat all.d/points.txt
check "what is no option is refused" 2 "is no option of sbatch" sweep submit --engine slurm study.ini -o all.db --dry-run --sbatch=x
check "another engine is refused" 2 "is not known (want slurm)" sweep submit --engine pbs study.ini -o all.db
check "merge refuses what is not there yet" 4 "incomplete: 0 of 12 points are there" bash all.d/merge.sh
check "task 1 runs its chunk" 0 "" env SLURM_ARRAY_TASK_ID=1 bash all.d/array.sh
is "points 5 to 9" "p000005.db p000006.db p000007.db p000008.db p000009.db" "$(cd all.d && echo p*.db)"
check "there is no task 3" 2 "has no points for task 3" env SLURM_ARRAY_TASK_ID=3 bash all.d/array.sh
check "submitted again, only the rest is run" 0 "7 points in 1 tasks of up to 7" sweep submit --engine slurm --chunk 7 study.ini -o all.db --dry-run
check "its one task runs it" 0 "" env SLURM_ARRAY_TASK_ID=0 bash all.d/array.sh
check "then merge takes them" 0 "" bash all.d/merge.sh
is "and gives the file of sweep -j 2" "$(dump ../one/all.db | sha256sum)" "$(dump all.db | sha256sum)"
cd ..

# ---- Slurm ----
if [ "${STATISTICS:-yes}" != yes ]; then
    echo "# skipped: submitting, with STATISTICS=no (Slurm's tasks do what the scripts above did by hand)"
    exit $failed
fi
missing=
for program in slurmctld slurmd sbatch squeue scontrol scancel munged pgrep; do
    command -v $program > /dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    echo "# skipped: no Slurm here, so nothing was submitted: lacks$missing (Debian: apt-get install --no-install-recommends slurm-wlm munge procps)"
    exit $failed
fi
SLURM_CONF=$scratch/slurm.conf
export SLURM_CONF
host=$(hostname -s)
port=$((20000 + RANDOM % 10000))
mkdir -m 755 munge state spool log
mkdir -m 700 munge/key
(umask 077 && head -c 1024 /dev/urandom > munge/key/munge.key)
cat > "$SLURM_CONF" << E
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$scratch/munge/munge.sock,cred_expire=5
CredType=cred/munge
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
SlurmctldLogFile=$scratch/log/slurmctld.log
SlurmdLogFile=$scratch/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
KillWait=2
JobRequeue=1
NodeName=$host NodeHostname=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=ci Nodes=$host Default=YES MaxTime=10 OverSubscribe=NO State=UP
E
munged --foreground --socket="$scratch/munge/munge.sock" --key-file="$scratch/munge/key/munge.key" --pid-file="$scratch/munge/munged.pid" \
    --log-file="$scratch/munge/munged.log" --seed-file="$scratch/munge/munged.seed" > log/munged 2>&1 &
daemons+=($!)
for _ in $(seq 50); do
    [ -S munge/munge.sock ] && break
    sleep 0.1
done
slurmctld -D -f "$SLURM_CONF" -c > log/ctld 2>&1 &
daemons+=($!)
slurmd -D -f "$SLURM_CONF" -N "$host" > log/slurmd 2>&1 &
daemons+=($!)
for _ in $(seq 75); do
    sinfo -h -o %t 2> /dev/null | grep -q '^idle' && break
    sleep 0.2
done
if ! sinfo -h -o %t 2> /dev/null | grep -q '^idle'; then
    echo "# skipped: Slurm is installed but does not start here:"
    tail -n 3 log/* munge/munged.log | sed 's/^/#   /'
    exit $failed
fi

wait_for_jobs() {
    for _ in $(seq 300); do
        [ -z "$(squeue -h 2> /dev/null)" ] && return
        sleep 0.3
    done
    squeue
}
field() { scontrol show job "$1" | grep -o "$2=[^ ]*" | head -1; } # JOB NAME

mkdir there && cp study.ini there
cd there || exit 1
check "submit" 0 "12 points in 4 tasks of up to 3" sweep submit --engine slurm --chunk 3 "$scratch/there/study.ini" -o all.db
array=$(sed -n 's/^job \([0-9]*\):.*/\1/p' ../out)
merge=$(sed -n 's/.*; job \([0-9]*\) merges.*/\1/p' ../out)
scancel "${array}_3" # two run at a time, so this one waits
for _ in $(seq 200); do
    victim=$(pgrep -f -- "sweep task .*--task 1 -- $scratch/there/study.ini")
    [ -n "$victim" ] && break
    sleep 0.05
done
kill -9 "$victim"
wait_for_jobs
is "the task that was killed was queued again" "Restarts=1" "$(field "${array}_1" Restarts)"
is "and ended well" "JobState=COMPLETED" "$(field "${array}_1" JobState)"
is "the points of the task that was cancelled are missing" "9" "$(find all.d -name 'p*.db' | wc -l)"
is "the merge after them was refused" "ExitCode=4:0" "$(field "$merge" ExitCode)"
is "it says why" "1" "$(grep -c 'incomplete: 9 of 12 points are there; point 9 (gpus=4 router=least_requests) is missing' all.d/merge.log)"
is "and left no file" "" "$(find . -name 'all.db*')"
check "submit again" 0 "3 points in 1 tasks of up to 3" sweep submit --engine slurm --chunk 3 "$scratch/there/study.ini" -o all.db
wait_for_jobs
is "the merged file is that of sweep -j 2, row for row" "$(dump ../one/all.db | sha256sum)" "$(dump all.db | sha256sum)"
exit $failed
