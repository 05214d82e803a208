#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# guest.sh: the part of the demo that runs in the guest
#
# vda: the image; vdb: its full copy; vdc: the copy to bring up to date; vdd: a
# small file system to bring the saved bitmap out.
set -eu

die()
{
	echo "guest.sh: $*" >&2
	exit 1
}

heading()
{
	if [ -t 1 ]; then
		printf '\n\033[1m-- %s\033[0m\n' "$1"
	else
		printf '\n-- %s\n' "$1"
	fi
}

# every N FIRST COUNT LIST: lines of LIST, every Nth from FIRST on, COUNT of
# them: each operation takes other files.
every()
{
	awk -v n="$1" -v first="$2" -v count="$3" \
		'NR % n == first && done < count { done++; print }' "$4"
}

append()
{
	n=0
	every 60 1 30 /tmp/files >/tmp/list
	while read -r file; do
		echo "appended by the demo, file $n" >>"$file"
		n=$((n + 1))
	done </tmp/list
	echo "appended to $n files"
}

overwrite()
{
	n=0
	every 5 1 12 /tmp/large >/tmp/list
	while read -r file; do
		dd if=/dev/urandom of="$file" bs=1k seek=97 count=13 \
			conv=notrunc 2>/dev/null
		n=$((n + 1))
	done </tmp/list
	echo "overwrote 13 KiB in the middle of $n files"
}

delete()
{
	every 45 2 40 /tmp/files >/tmp/list
	n=$(wc -l </tmp/list)
	xargs rm -- </tmp/list
	echo "deleted $n files"
}

rename()
{
	n=0
	every 70 3 25 /tmp/files >/tmp/list
	while read -r file; do
		mv "$file" "$file.renamed"
		n=$((n + 1))
	done </tmp/list
	echo "renamed $n files"
}

copy()
{
	n=0
	mkdir copies
	every 9 2 6 /tmp/large >/tmp/list
	while read -r file; do
		cp "$file" "copies/$n"
		n=$((n + 1))
	done </tmp/list
	echo "copied $n files within the file system, $(du -sk copies |
		cut -f 1) KiB"
}

create()
{
	mkdir new
	for n in 1 2 3 4 5 6 7 8; do
		dd if=/dev/urandom of="new/random$n" bs=4k count=$((8 * n)) \
			2>/dev/null
	done
	cp new/random8 new/again
	echo "created 9 files, two of them equal, $(du -sk new | cut -f 1) KiB"
}

change_modes()
{
	every 80 4 20 /tmp/files >/tmp/list
	n=$(wc -l </tmp/list)
	xargs chmod 600 -- </tmp/list
	echo "changed the mode of $n files"
}

[ -r /sys/class/block/vdd ] || die "four disks are needed"
mkdir -p /image /out
uname -srm
qdsctl caps >/tmp/caps || die "qds does not answer"

heading "The image is mounted, and changed through its file system"
mount -t ext4 /dev/vda /image
cd /image
# Names with quotes or spaces would be too much for xargs.
find . -type f ! -name '*[^A-Za-z0-9._+@,=%-]*' | sort >/tmp/files
find . -type f -size +255k ! -name '*[^A-Za-z0-9._+@,=%-]*' | sort >/tmp/large
append
overwrite
delete
rename
copy
create
change_modes
cd /
umount /image

heading "Which blocks have changed? qds-backup scan"
cat <<END
 1. index    gives the SHA-256 of every block of the full copy to a hash table
 2. compare  looks every block of the image up, and marks in a dirty bitmap
             those that differ from the block in their place
 3. save     serializes the bitmap in chunks to a file, and
    verify   reads it back into a second bitmap in another process
END
mount -t ext4 /dev/vdd /out
qds-backup scan /dev/vdb /dev/vda /out/bitmap

heading "Only these blocks are copied: qds-backup apply"
echo " 4. apply    copies the dirty blocks over a copy of the full one"
qds-backup apply /out/bitmap /dev/vda /dev/vdc

heading "The same bitmap with qdsctl"
size=$(($(cat /sys/class/block/vda/size) * 512))
echo "qdsctl bitmap create d $size -g 12 + bitmap deserialize d -f /out/bitmap \\"
echo "       + bitmap info d + bitmap extents d"
qdsctl bitmap create d "$size" -g 12 + bitmap deserialize d -f /out/bitmap \
	+ bitmap info d + bitmap extents d >/tmp/extents
head -n 12 /tmp/extents
echo "... $(grep -c ' dirty$' /tmp/extents) extents"
umount /out
