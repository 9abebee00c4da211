/* The packets between master and child: a SOCK_SEQPACKET pair, fixed size, never blocking. */
#ifndef STINT_PROCESS_CHANNEL_H
#define STINT_PROCESS_CHANNEL_H

#include "process/process.h"

enum channel_rc { CHANNEL_PACKET, CHANNEL_EMPTY, CHANNEL_CLOSED, CHANNEL_BAD };

int channel_pair(int fd[2]);            /* close-on-exec, non-blocking. 0, or -1 with errno */

/* Sends one packet, with a descriptor where fd >= 0 (the sender keeps its own). 0, or -1 with errno: EAGAIN the other side does not read, EPIPE it is gone. */
int channel_send(int channel, enum process_message message, int64_t arg, int fd);

/* Takes one packet. fd NULL: descriptors that come along are not accepted. BAD: not a packet of ours, it is dropped. */
enum channel_rc channel_receive(int channel, struct process_packet *out, int *fd);

#endif
