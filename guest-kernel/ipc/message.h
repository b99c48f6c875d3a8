/* message.h - message passing between processes (message.c): what the end of a process needs of it. */
#ifndef KEPLER_IPC_MESSAGE_H
#define KEPLER_IPC_MESSAGE_H

struct process;

/* The process takes no messages any more: those who wait for it are told. No locks held. */
void message_process_ends(struct process *process);

#endif
