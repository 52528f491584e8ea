package manifest

import "golang.org/x/sys/unix"

// reserve returns a buffer whose memory the system provides as it is filled, or nil if
// the system refuses. After the first two megabytes it asks for large pages: for a
// stream of that size, page faults cost more time than its bytes.
func reserve(size int) []byte {
	const small = 2 << 20
	buffer, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	if size > small {
		_ = unix.Madvise(buffer[small:], unix.MADV_HUGEPAGE) // a kernel may have none
	}
	return buffer
}
