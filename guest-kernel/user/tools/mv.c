/*
 * mv.c - renames: one directory entry appears and another goes, in one step; no content moves.
 *
 * That works within one file system. Across two, there is nothing to do but to copy and remove; `cp -a` and `rm -r` do it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"

static int run(char *const args[])
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(args[0], args);
        warn_errno("%s", args[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) warn_errno("fork");
    return status ? 1 : 0;
}

static int move(char *from, char *to)
{
    if (!rename(from, to)) return 0;
    if (errno != EXDEV) {
        warn_errno("%s: cannot be moved to %s", from, to);
        return 1;
    }
    int failed = run((char *const[]){(char *)"cp", (char *)"-a", (char *)"--", from, to, NULL});
    return failed ? failed : run((char *const[]){(char *)"rm", (char *)"-rf", (char *)"--", from, NULL});
}

int main(int argc, char **argv)
{
    struct stat status;
    int worst = 0;
    bool keep = false;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "fn")) != -1;) {
        if (c == '?') fail_usage("[-fn] FILE... TARGET");
        keep = c == 'n';
    }
    if (argc - optind < 2) fail_usage("[-fn] FILE... TARGET");
    char *target = argv[argc - 1];
    bool into = !stat(target, &status) && S_ISDIR(status.st_mode);
    if (!into && argc - optind > 2) fail_text("%s: not a directory", target);
    for (int i = optind; i < argc - 1; i++) {
        char *to = into ? path_join(target, path_base(argv[i])) : xstrdup(target);
        if (!keep || lstat(to, &status)) worst |= move(argv[i], to);
        free(to);
    }
    return worst;
}
