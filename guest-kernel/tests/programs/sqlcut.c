/*
 * sqlcut.c - Debian's sqlite3 in transactions, for a test that cuts the power: one database with a rollback journal, one with WAL, on the KFS disk
 * /dev/vda. First each database says in what state it is ("state MODE ok LAST ROWS ROWS SUM"); then both go on with transactions, each of which
 * is announced on the console once it has been committed ("done MODE LAST"), until the power goes. With the argument "look", only the states.
 */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TRANSACTIONS 3000

static const char *const modes[] = {"delete", "wal"};

/* sqlite3 with these lines as its input, `times` times the last of them. */
static pid_t start(const char *mode, const char *first, const char *again, unsigned times)
{
    pid_t child = fork();
    if (child) return child;
    char name[64];
    snprintf(name, sizeof name, "/tmp/%s.sql", mode);
    FILE *sql = fopen(name, "w");
    /* With less, sqlite does not sync the directory from which it deletes the rollback journal, and promises only that nothing breaks. */
    fprintf(sql, "pragma synchronous=extra;\n%s\n", first);
    while (times--) fprintf(sql, "%s\n", again);
    fclose(sql);
    dup2(open(name, O_RDONLY), 0);
    snprintf(name, sizeof name, "/mnt/%s.db", mode);
    execl("/usr/bin/sqlite3", "sqlite3", "-bail", name, (char *)0);
    _exit(127);
}

static int ended_well(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && status == 0;
}

static void look(const char *mode)
{
    char sql[1000];
    snprintf(sql, sizeof sql,
             "create table if not exists t(a integer primary key, b); create table if not exists u(a, b);\n"
             "create table if not exists s(id integer primary key, total); insert or ignore into s values(1, 0);\n"
             "select 'state %s ' || (select group_concat(integrity_check) from pragma_integrity_check) || ' ' || "
             "coalesce(max(a), 0) || ' ' || count(*) || ' ' || (select count(*) from u) || ' ' || (select total from "
             "s) from t;",
             mode);
    CHECK(ended_well(start(mode, sql, "", 0)));
}

static pid_t work(const char *mode)
{
    char first[200], again[1000];
    snprintf(first, sizeof first, "pragma journal_mode=%s; pragma wal_autocheckpoint=20;", mode);
    snprintf(
        again, sizeof again,
        "begin immediate; insert into t select coalesce(max(a), 0) + 1, randomblob(1500) from t; "
        "insert into u select max(a), randomblob(200) from t; update s set total = total + (select max(a) from t); "
        "commit; select 'done %s ' || max(a) from t;",
        mode);
    return start(mode, first, again, TRANSACTIONS);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    mkdir("/mnt", 0755), mkdir("/tmp", 0777);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    for (unsigned i = 0; i < 2; i++) look(modes[i]);
    if (argc < 2 || strcmp(argv[1], "look")) {
        pid_t child[2] = {work(modes[0]), work(modes[1])};
        for (unsigned i = 0; i < 2; i++) CHECK(ended_well(child[i]));
    }
    CHECK(umount("/mnt") == 0);
    return finish();
}
