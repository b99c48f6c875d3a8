/* ipc.c - messages and semaphores with keys (System V), and Kepler's own messages, which Linux does not know. */
#include "conformance.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <time.h>

struct note {
    long type;
    char text[16];
};

static void queues(void)
{
    struct note n = {3, "three"};
    struct msqid_ds d;
    long id = Q(msgget, IPC_PRIVATE, 0600);
    E(msgget, "no such key", 0x4321, 0600);
    K(msgget, "new key", 0x4321, IPC_CREAT | 0600);
    E(msgget, "exclusive", 0x4321, IPC_CREAT | IPC_EXCL | 0600);
    E(msgsnd, "ok", id, &n, 5L, 0);
    E(msgsnd, "bad id", 9999, &n, 5L, 0);
    E(msgsnd, "negative id", -1, &n, 5L, 0);
    E(msgsnd, "bad pointer", id, BAD, 5L, 0);
    E(msgsnd, "bad text", id, edge, 16L, 0);
    E(msgsnd, "negative size", id, &n, -1L, 0);
    E(msgsnd, "too large", id, &n, 8193L, 0);
    n.type = 0;
    E(msgsnd, "type 0", id, &n, 5L, 0);
    n.type = -1;
    E(msgsnd, "negative type", id, &n, 5L, 0);
    n.type = 1;
    Q(msgsnd, id, &n, 0L, 0);
    n.type = 2;
    Q(msgsnd, id, &n, 2L, 0);
    E(msgctl, "stat", id, IPC_STAT, &d);
    V(msgctl, "messages", d.msg_qnum), V(msgctl, "bytes", d.__msg_cbytes), V(msgctl, "limit", d.msg_qbytes);
    V(msgctl, "mode", d.msg_perm.mode), V(msgctl, "sender", d.msg_lspid == getpid());
    E(msgctl, "bad pointer", id, IPC_STAT, BAD);
    E(msgctl, "bad id", 9999, IPC_STAT, &d);
    E(msgctl, "bad command", id, 99, &d);
    E(msgrcv, "too small", id, &n, 1L, 3L, 0);
    E(msgrcv, "lowest type", id, &n, 16L, -2L, 0);
    V(msgrcv, "its type", n.type);
    E(msgrcv, "except", id, &n, 16L, 3L, MSG_EXCEPT);
    V(msgrcv, "type of except", n.type);
    E(msgrcv, "cut off", id, &n, 2L, 0L, MSG_NOERROR);
    E(msgrcv, "nothing", id, &n, 16L, 0L, IPC_NOWAIT);
    E(msgrcv, "bad id", 9999, &n, 16L, 0L, 0);
    E(msgrcv, "negative size", id, &n, -1L, 0L, 0);
    n.type = 1;
    Q(msgsnd, id, &n, 5L, 0);
    E(msgrcv, "bad pointer", id, BAD, 16L, 0L, 0);
    E(msgrcv, "lost by it", id, &n, 16L, 0L, IPC_NOWAIT);
    int count = 0;
    char large[8200] = {1};
    while (Q(msgsnd, id, large, 4000L, IPC_NOWAIT) == 0) count++;
    V(msgsnd, "fit in", count);
    E(msgsnd, "full", id, large, 4000L, IPC_NOWAIT);
    pid_t pid = fork();
    if (!pid) _exit(Q(msgsnd, id, large, 4000L, 0) == -1 ? errno : 0);
    usleep(30000);
    E(msgctl, "remove", id, IPC_RMID, 0L);
    int status;
    waitpid(pid, &status, 0);
    V(msgsnd, "error of a waiter, removed", WEXITSTATUS(status));
    E(msgsnd, "removed", id, &n, 5L, 0);
    E(msgctl, "remove again", id, IPC_RMID, 0L);
    id = Q(msgget, 0x4321, 0);
    Q(msgctl, id, IPC_RMID, 0L);
}

static void semaphores(void)
{
    struct sembuf one = {0, 1, 0}, take = {0, -1, IPC_NOWAIT}, zero = {0, 0, IPC_NOWAIT}, far = {9, 1, 0},
                  pair[2] = {{1, 2, 0}, {0, -5, IPC_NOWAIT}};
    struct sembuf undo = {1, 3, SEM_UNDO}, wait = {0, -1, 0};
    struct semid_ds d;
    unsigned short all[3] = {0};
    struct timespec soon = {0, 10000000}, wrong = {0, -1};
    long id = Q(semget, IPC_PRIVATE, 3, 0600);
    E(semget, "none", IPC_PRIVATE, 0, 0600);
    E(semget, "negative", IPC_PRIVATE, -1, 0600);
    E(semget, "too many", IPC_PRIVATE, 32001, 0600);
    E(semget, "no such key", 0x5555, 1, 0600);
    K(semget, "new key", 0x5555, 2, IPC_CREAT | 0600);
    E(semget, "more than it has", 0x5555, 3, 0600);
    K(semget, "any number", 0x5555, 0, 0600);
    E(semop, "plus", id, &one, 1L);
    E(semctl, "value", id, 0, GETVAL, 0L);
    E(semop, "minus", id, &take, 1L);
    E(semop, "would wait", id, &take, 1L);
    E(semop, "is zero", id, &zero, 1L);
    E(semop, "number too large", id, &far, 1L);
    E(semop, "none", id, &one, 0L);
    E(semop, "too many", id, &one, 501L);
    E(semop, "bad pointer", id, BAD, 1L);
    E(semop, "bad id", 9999, &one, 1L);
    E(semop, "both or none", id, pair, 2L);
    E(semctl, "first was taken back", id, 1, GETVAL, 0L);
    E(semtimedop, "time is over", id, &wait, 1L, &soon);
    E(semtimedop, "wrong time", id, &wait, 1L, &wrong);
    E(semtimedop, "bad time", id, &wait, 1L, BAD);
    E(semtimedop, "at once", id, &one, 1L, &soon);
    E(semctl, "set", id, 2, SETVAL, 7L);
    E(semctl, "set too large", id, 2, SETVAL, 32768L);
    E(semctl, "set negative", id, 2, SETVAL, -1L);
    E(semctl, "number too large", id, 3, GETVAL, 0L);
    E(semctl, "negative number", id, -1, GETVAL, 0L);
    E(semctl, "all", id, 0, GETALL, all);
    V(semctl, "third", all[2]);
    E(semctl, "all, bad pointer", id, 0, GETALL, BAD);
    all[0] = 40000;
    E(semctl, "set all too large", id, 0, SETALL, all);
    all[0] = 0;
    E(semctl, "set all", id, 0, SETALL, all);
    V(semctl, "last process", Q(semctl, id, 0, GETPID, 0L) == getpid());
    E(semctl, "waiting", id, 0, GETNCNT, 0L);
    E(semctl, "stat", id, 0, IPC_STAT, &d);
    V(semctl, "number of them", d.sem_nsems), V(semctl, "mode", d.sem_perm.mode);
    E(semctl, "bad pointer", id, 0, IPC_STAT, BAD);
    E(semctl, "bad id", 9999, 0, IPC_STAT, &d);
    E(semctl, "bad command", id, 0, 99, 0L);
    struct sembuf overflow = {2, 32767, 0};
    E(semop, "value too large", id, &overflow, 1L);
    pid_t pid = fork();
    if (!pid) Q(semop, id, &undo, 1L), _exit(0);
    waitpid(pid, 0, 0);
    E(semctl, "undone", id, 1, GETVAL, 0L);
    pid = fork();
    if (!pid) _exit(Q(semop, id, &wait, 1L) == -1 ? errno : 0);
    usleep(30000);
    E(semctl, "one waits", id, 0, GETNCNT, 0L);
    Q(semop, id, &one, 1L);
    int status;
    waitpid(pid, &status, 0);
    V(semop, "waiter goes on", WEXITSTATUS(status));
    pid = fork();
    if (!pid) _exit(Q(semop, id, &wait, 1L) == -1 ? errno : 0);
    usleep(30000);
    E(semctl, "remove", id, 0, IPC_RMID, 0L);
    waitpid(pid, &status, 0);
    V(semop, "error of a waiter, removed", WEXITSTATUS(status));
    E(semctl, "remove again", id, 0, IPC_RMID, 0L);
    id = Q(semget, 0x5555, 0, 0);
    Q(semctl, id, 0, IPC_RMID, 0L);
}

static void plain_user(void)
{
    struct note n = {1, "x"};
    struct sembuf one = {0, 1, 0}, zero = {0, 0, 0};
    long q = Q(msgget, 0x7777, 0), s = Q(semget, 0x7777, 0, 0);
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(msgget, "user: another's", 0x7777, 0600);
    E(msgsnd, "user: another's", q, &n, 1L, 0);
    E(msgrcv, "user: another's", q, &n, 16L, 0L, IPC_NOWAIT);
    E(msgctl, "user: another's", q, IPC_RMID, 0L);
    E(semget, "user: another's", 0x7777, 0, 0600);
    E(semop, "user: another's", s, &one, 1L);
    E(semop, "user: another's, only looking", s, &zero, 1L);
    E(semctl, "user: another's", s, 0, IPC_RMID, 0L);
}

static void own_messages(void)
{
    char b[8];
    show("message_send", "bad process", syscall(500, -1, b, 1L, 0));
    show("message_send", "bad flags", syscall(500, 1, b, 1L, 2));
    show("message_receive", "bad process", syscall(501, -1, b, 1L, 0L, 0));
    show("message_receive", "nothing there", syscall(501, 0, b, 1L, 0L, 1));
}

void family_ipc(void)
{
    queues();
    semaphores();
    long q = Q(msgget, 0x7777, IPC_CREAT | 0600), s = Q(semget, 0x7777, 1, IPC_CREAT | 0604);
    show_child("msgget", "user", plain_user);
    Q(msgctl, q, IPC_RMID, 0L), Q(semctl, s, 0, IPC_RMID, 0L);
    own_messages();
}
