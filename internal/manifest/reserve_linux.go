package manifest

import "golang.org/x/sys/unix"

// reserve takes addresses without memory, or nothing where the system refuses.
// Behind the first two megabytes the kernel is asked for large pages: for a
// stream of that size page faults cost more than its bytes.
func reserve(size int) []byte {
	const small = 2 << 20
	buffer, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	if size > small {
		_ = unix.Madvise(buffer[small:], unix.MADV_HUGEPAGE) // a kernel without them does without
	}
	return buffer
}
