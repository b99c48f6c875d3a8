/*
 * sqlrun.c - Debian's sqlite3 at work: for rollback journals and for WAL, two processes in transactions at once on one database, one more whose
 * transaction is cut off by SIGKILL in the middle; then the database is whole and the sums are those of the transactions that ended.
 */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define ROWS 40

static pid_t start(const char *database, const char *sql, const char *output)
{
    pid_t child = fork();
    if (child) return child;
    char name[32];
    snprintf(name, sizeof name, "/tmp/sql%d", getpid());
    int in = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    write(in, sql, strlen(sql));
    lseek(in, 0, SEEK_SET);
    dup2(in, 0);
    dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644), 1);
    execl("/usr/bin/sqlite3", "sqlite3", "-bail", database, (char *)0);
    _exit(127);
}

static int ended_well(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && status == 0;
}

/* The last line that sqlite3 wrote. */
static int answers(const char *output, const char *wanted)
{
    char text[2000] = "";
    int fd = open(output, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    while (n > 0 && text[n - 1] == '\n') text[--n] = 0;
    char *last = strrchr(text, '\n');
    last = last ? last + 1 : text;
    if (!strcmp(last, wanted)) return 1;
    printf("sqlite3 says \"%s\", not \"%s\"\n", text, wanted);
    return 0;
}

static void inserts(char *sql, size_t room, int writer)
{
    size_t at = (size_t)snprintf(sql, room, ".timeout 60000\n");
    for (int i = 0; i < ROWS; i++)
        at += (size_t)snprintf(sql + at, room - at,
                               "begin immediate; insert into t values(%d, %d, randomblob(3000)); update t set b = b + "
                               "1 where a = %d; commit;\n",
                               writer * 1000 + i, i, writer * 1000 + i);
}

static void one_mode(const char *mode)
{
    char database[64], sql[3][16384];
    snprintf(database, sizeof database, "/mnt/%s.db", mode);
    snprintf(sql[0], sizeof sql[0], "pragma journal_mode=%s; create table t(a integer primary key, b, c);", mode);
    CHECK(ended_well(start(database, sql[0], "/tmp/out")));
    CHECK(answers("/tmp/out", mode));
    inserts(sql[0], sizeof sql[0], 1);
    inserts(sql[1], sizeof sql[1], 2);
    pid_t a = start(database, sql[0], "/tmp/out1"), b = start(database, sql[1], "/tmp/out2");
    CHECK(ended_well(a));
    CHECK(ended_well(b));
    snprintf(sql[2], sizeof sql[2],
             ".timeout 60000\nbegin immediate; with recursive n(i) as (select 5000 union all select i + 1 from n where "
             "i < 900000) "
             "insert into t select i, 1, randomblob(500) from n; commit;");
    pid_t killed = start(database, sql[2], "/tmp/out3");
    nanosleep(&(struct timespec){0, 300000000}, 0);
    CHECK(kill(killed, SIGKILL) == 0);
    CHECK(!ended_well(killed));
    CHECK(ended_well(start(database, "pragma integrity_check;", "/tmp/out")) && answers("/tmp/out", "ok"));
    CHECK(ended_well(start(database, "select count(*), sum(b) from t;", "/tmp/out")));
    snprintf(sql[0], sizeof sql[0], "%d|%d", 2 * ROWS, ROWS * (ROWS + 1));
    CHECK(answers("/tmp/out", sql[0]));
}

int main(void)
{
    mkdir("/mnt", 0755);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    one_mode("delete");
    one_mode("wal");
    CHECK(umount("/mnt") == 0);
    return finish();
}
