#include "study/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

enum { TICK_NS = 250000000 };

struct worker {
    pid_t pid; /* 0: idle */
    int64_t job;
    double start;
};

struct running {
    const struct pool *p;
    struct worker at[POOL_WORKERS_MAX];
    int workers, busy;
    int cut;         /* the signal that ends it */
    sigset_t before; /* the caller's mask, which children get back */
};

double pool_clock_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *pool_why(int exit_code, char *out, int size)
{
    if (exit_code > 128)
        snprintf(out, (size_t)size, "killed by signal %d", exit_code - 128);
    else
        snprintf(out, (size_t)size, "exit code %d", exit_code);
    return out;
}

/* In the child, until exec. */
static void become(const struct running *r, const struct pool_job *job, pid_t parent)
{
    int in = open("/dev/null", O_RDONLY);
    int out = open(job->log ? job->log : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (getppid() == parent && in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
        if (in > 2)
            close(in);
        if (out > 2)
            close(out);
        sigprocmask(SIG_SETMASK, &r->before, NULL);
        execv("/proc/self/exe", job->argv);
    }
    _exit(EXIT_CODE_IO);
}

static void tell(const struct running *r, int64_t job, int exit_code, double start)
{
    const struct pool_end end = {job, exit_code, pool_clock_s() - start};

    if (r->p->done)
        r->p->done(r->p->ctx, &end);
}

static void start(struct running *r, struct worker *w, const struct pool_job *job)
{
    pid_t parent = getpid();

    fflush(NULL); /* or the child would write it again */
    *w = (struct worker){.pid = fork(), .job = job->id, .start = pool_clock_s()};
    if (w->pid == 0)
        become(r, job, parent);
    if (w->pid > 0) {
        r->busy++;
        return;
    }
    w->pid = 0;
    tell(r, job->id, EXIT_CODE_IO, w->start);
}

static void start_all(struct running *r)
{
    struct pool_job job;

    for (int i = 0; i < r->workers && !r->cut; i++)
        while (r->at[i].pid == 0) {
            job = (struct pool_job){0};
            if (!r->p->next(r->p->ctx, &job))
                return;
            start(r, &r->at[i], &job);
        }
}

static void reap(struct running *r)
{
    for (int i = 0; i < r->workers; i++) {
        struct worker *w = &r->at[i];
        int status;
        if (w->pid == 0 || waitpid(w->pid, &status, WNOHANG) != w->pid)
            continue;
        w->pid = 0;
        r->busy--;
        tell(r, w->job, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), w->start);
    }
}

static void cut(struct running *r, int sig)
{
    for (int i = 0; i < r->workers; i++)
        if (r->at[i].pid > 0)
            kill(r->at[i].pid, r->cut ? SIGKILL : sig);
    r->cut = sig;
}

/* Until a child ends, a signal asks for the end, or it is time for a tick. */
static void wait_event(struct running *r, const sigset_t *signals)
{
    const struct timespec timeout = {0, TICK_NS};
    int sig = sigtimedwait(signals, NULL, &timeout);

    if (sig == SIGINT || sig == SIGTERM)
        cut(r, sig);
    reap(r); /* after a tick as well: signals that come together are one */
    if (r->p->tick)
        r->p->tick(r->p->ctx, r->busy);
}

static int workers_of(const struct pool *p)
{
    long n = p->workers > 0 ? p->workers : sysconf(_SC_NPROCESSORS_ONLN);

    return (int)(n < 1 ? 1 : n > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : n);
}

int pool_run(const struct pool *p)
{
    struct running r = {.p = p, .workers = workers_of(p)};
    sigset_t signals;
    struct sigaction child, child_before;

    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &r.before);
    child = (struct sigaction){.sa_handler = SIG_DFL}; /* an inherited SIG_IGN would reap the children itself */
    sigaction(SIGCHLD, &child, &child_before);
    for (start_all(&r); r.busy > 0; start_all(&r))
        wait_event(&r, &signals);
    sigaction(SIGCHLD, &child_before, NULL);
    sigprocmask(SIG_SETMASK, &r.before, NULL);
    return r.cut;
}
