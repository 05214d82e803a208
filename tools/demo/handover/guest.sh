#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# guest.sh: the demo, which runs in the guest
#
# Exit status 0: everything that was shown is true.
ip link set lo up || exit
cat <<END
A server keeps all that it must not lose in an fd store of the kernel: the socket it
listens at, the connections of its clients, a memfd with its state, a timer and an
eventfd. Now it is killed, in the middle of its work, five times.

END
handover
