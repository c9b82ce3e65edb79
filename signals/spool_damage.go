package signals

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
)

// replaceEvery bounds how many files a disk that fails again and again leaves.
const replaceEvery = 10 * time.Second

var (
	errDamaged = errors.New("the spool's file is damaged")
	errOrder   = fmt.Errorf("%w: its keys are out of order", errDamaged)
)

// safely makes an error of a panic: bbolt panics at what it cannot make sense of, and a page that the file has no longer
// is a fault of memory.
func safely(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return do()
}

// wholeMetas says whether both pages that a bbolt file begins with are whole. With one of them it opens as it was before
// the last write, as after a write that was cut short.
func wholeMetas(disk *os.File) bool {
	for page := range int64(2) {
		meta := make([]byte, 64) // behind the page's header; its checksum is last
		if _, err := disk.ReadAt(meta, page*int64(os.Getpagesize())+16); err != nil {
			return false
		}
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56])
		if sum.Sum64() != binary.NativeEndian.Uint64(meta[56:]) {
			return false
		}
	}
	return true
}

// check touches every page that is in use. Keys that are not in order, or not found, are those of a page in the wrong place.
func check(tx *bolt.Tx) error {
	return tx.ForEach(func(_ []byte, bucket *bolt.Bucket) error {
		var last []byte
		return bucket.ForEach(func(key, value []byte) error {
			if bytes.Compare(last, key) >= 0 || !bytes.Equal(bucket.Get(key), value) {
				return errOrder
			}
			last = bytes.Clone(key)
			return nil
		})
	})
}

// replace puts a damaged file aside and begins a new one, with what can still be read. An operator finds the old one
// beside it.
func (s *store) replace(damaged *bolt.DB, cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != damaged {
		return nil // somebody was faster
	}
	if time.Since(s.replaced) < replaceEvery {
		return errors.New("a new spool was begun a moment ago, or could not be")
	}
	s.replaced = time.Now()
	if _, err := os.Stat(s.saving()); err == nil { // of an earlier process, which died as it saved it
		if err := os.Rename(s.saving(), s.asideName()); err != nil {
			return fmt.Errorf("put the spool aside that was damaged before: %w", err)
		}
		s.logger.Error("a damaged spool was put aside unread: the one that was begun after it is damaged too")
		s.aside.Add(1)
	}
	if err := os.Rename(s.path(), s.saving()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("put the damaged spool aside: %w", err)
	}
	_ = s.disk.Close() // not db.Close, which may wait for ever: what was damaged holds its locks
	err := s.open()
	if err == nil {
		err = s.save(cause)
	}
	if err != nil { // it is tried again with the damaged file in its place, from which nothing is lost so
		err = fmt.Errorf("begin a new spool: %w", err)
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
			s.db = nil // which reads as damaged
		}
		if _, there := os.Stat(s.saving()); there == nil {
			err = errors.Join(err, os.Rename(s.saving(), s.path()))
		}
	}
	return err
}

// saving is the name of a damaged file until what can be read of it is in the new one. It stays over the end of the process.
func (s *store) saving() string { return s.path() + ".saving" }

// asideName is the name of a damaged file that nothing more is done with.
func (s *store) asideName() string {
	return filepath.Join(s.dir, spoolFile+".damaged-"+time.Now().UTC().Format("20060102T150405.000000000Z"))
}

// save takes over what can be read of a damaged file, if there is one, and puts it aside for good.
func (s *store) save(cause error) error {
	if _, err := os.Stat(s.saving()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	aside := s.asideName()
	saved, err := s.salvage(s.saving())
	if err == nil {
		err = os.Rename(s.saving(), aside)
	}
	if err = errors.Join(err, s.db.View(s.count)); err != nil {
		return fmt.Errorf("save what the damaged spool holds: %w", err)
	}
	s.aside.Add(1)
	s.logger.Error("the spool's file is damaged: it was put aside and a new one begun, with what could be read; tell the runs of the callbacks that are lost",
		"aside", aside, "saved", saved, "cause", cause)
	return nil
}

// salvage copies what can be read of a damaged file. Of a page that cannot, its neighbours by key are lost too.
func (s *store) salvage(path string) (saved int, err error) {
	// Of a copy, since whatever is stuck in the damaged one still holds its lock.
	copied := filepath.Join(s.dir, spoolFile+".copy")
	defer os.Remove(copied)
	if err := copyFile(path, copied); err != nil {
		return 0, err
	}
	var old *bolt.DB
	if err := safely(func() (err error) {
		old, err = bolt.Open(copied, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
		return err
	}); err != nil {
		s.logger.Error("nothing of the damaged spool can be read", "file", path, "error", err)
		return 0, nil
	}
	defer safely(old.Close)
	err = s.db.Update(func(to *bolt.Tx) error {
		var lost error // what cannot be read
		for _, name := range [][]byte{bucketQueue, bucketMissing, bucketDead} {
			for first := range 256 {
				if err := safely(func() error {
					return old.View(func(from *bolt.Tx) error { return copyEntries(from, to, name, byte(first), &saved) })
				}); err != nil {
					lost = err
				}
			}
		}
		if lost != nil {
			s.logger.Error("a part of the damaged spool cannot be read", "file", path, "error", lost)
		}
		return nil
	})
	return saved, err
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// copyEntries copies what a damaged file has in a bucket under keys that begin with a byte, as far as it can be read.
func copyEntries(from, to *bolt.Tx, bucket []byte, first byte, copied *int) (err error) {
	source := from.Bucket(bucket)
	if source == nil {
		return nil
	}
	c := &changes{Tx: to}
	cursor := source.Cursor()
	var last []byte
	for key, data := cursor.Seek([]byte{first}); len(key) > 0 && key[0] == first; key, data = cursor.Next() {
		if bytes.Compare(last, key) >= 0 {
			return errOrder // and may go round in circles
		}
		last = bytes.Clone(key)
		var e entry
		if err := json.Unmarshal(data, &e); err != nil {
			continue
		}
		if bytes.Equal(bucket, bucketDead) {
			err = c.bury(e)
		} else {
			err = c.put(e, ownerOf(e.arrival("").Target))
		}
		if err != nil {
			return err
		}
		*copied++
	}
	return nil
}
