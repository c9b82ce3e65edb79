package signals

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	spoolFile  = "callbacks.db"
	asideFiles = spoolFile + ".damaged-*"

	// batchDelay is what a callback waits for others to share its sync, which takes about as long itself.
	batchDelay = time.Millisecond
	maxBatch   = 1000
)

var errClosed = errors.New("the spool is closed")

// store is the spool's file. What it was given and not yet removed survives the end of the process, and of the machine.
// The file may be damaged when it is opened or later, and is then put aside and begun anew.
type store struct {
	dir, namespace string
	logger         *slog.Logger
	max            int64

	mu   sync.RWMutex // of what follows, which a damage replaces
	db   *bolt.DB
	disk *os.File // db's

	replaced time.Time // when a damage last did

	queued, missing atomic.Int64 // callbacks on disk that wait for Temporal, and for their run
	oldest          atomic.Int64 // when the one came that waits longest for Temporal, in nanoseconds; 0: none does

	aside  atomic.Int64 // damaged files in the folder
	wrote  atomic.Int64 // when something was written last, in nanoseconds
	writes chan write
	closed chan struct{} // no more writes are taken
	done   chan struct{} // nor is any under way

	closing sync.Once
}

// write is a change of the file; several are synced together.
type write struct {
	change func(*changes) error // an error other than errSpoolFull ends all that are synced with it
	done   chan error
}

// changes are those of one transaction.
type changes struct {
	*bolt.Tx
	queued, missing int64 // how many more there are
}

func openStore(dir, namespace string, logger *slog.Logger) (*store, error) {
	s := &store{dir: dir, namespace: namespace, logger: logger, max: maxSpool, writes: make(chan write), closed: make(chan struct{}), done: make(chan struct{})}
	if found, err := filepath.Glob(filepath.Join(dir, asideFiles)); err == nil {
		s.aside.Store(int64(len(found)))
	}
	err := s.open()
	if errors.Is(err, errDamaged) {
		err = s.replace(s.db, err)
	} else if err == nil { // the last process may have died while it saved a damaged file
		err = s.save(errDamaged)
	}
	if err != nil {
		return nil, err
	}
	go s.run()
	return s, nil
}

func (s *store) path() string { return filepath.Join(s.dir, spoolFile) }

// open opens the file and reads all of it once, so that damage is found now.
func (s *store) open() error {
	options := bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (disk *os.File, err error) {
			disk, err = os.OpenFile(name, flag, mode)
			s.disk = disk
			return disk, err
		}}
	err := safely(func() (err error) {
		if s.db, err = bolt.Open(s.path(), 0o600, &options); err != nil {
			return err
		}
		if !wholeMetas(s.disk) {
			return fmt.Errorf("%w: it may lack what was written last", errDamaged)
		}
		if err := s.db.View(check); err != nil {
			return err
		}
		if err := errors.Join(s.claim(), syncFolder(s.dir)); err != nil {
			return err
		}
		return s.db.View(s.count)
	})
	for _, damage := range []error{bolterrors.ErrInvalid, bolterrors.ErrChecksum, bolterrors.ErrVersionMismatch} {
		if errors.Is(err, damage) {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "file size too small") { // which has no type
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("spool %s is in use by another process: give every bridge a folder of its own", s.path())
	case !errors.Is(err, errDamaged) && s.db != nil:
		err = errors.Join(err, s.db.Close())
		s.db = nil
	}
	return fmt.Errorf("open spool %s: %w", s.path(), err)
}

// claim prepares the file for callbacks of one namespace. A file that is prepared already is not written to,
// so that a bridge starts on a full disk too.
func (s *store) claim() error {
	var owner []byte
	kept := 0
	err := s.db.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				return nil
			}
		}
		owner = bytes.Clone(tx.Bucket(bucketMeta).Get(keyNamespace))
		kept = tx.Bucket(bucketQueue).Stats().KeyN + tx.Bucket(bucketMissing).Stats().KeyN
		return nil
	})
	switch {
	case err != nil || string(owner) == s.namespace:
		return err
	case kept > 0:
		return fmt.Errorf("%d callbacks in it are for the namespace %q, not %q: run a bridge for that one until they are delivered, or use another folder",
			kept, owner, s.namespace)
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keyNamespace, []byte(s.namespace))
	})
}

// syncFolder makes a new file's name as durable as what is in it.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// view reads, and begins the file anew where it is damaged.
func (s *store) view(read func(*bolt.Tx) error) error {
	s.mu.RLock()
	db := s.db
	err := safely(func() error { return db.View(read) })
	s.mu.RUnlock()
	if errors.Is(err, errDamaged) {
		err = errors.Join(err, s.replace(db, err))
	}
	return err
}

// update returns once a change is on disk. It gives up with the context; a disk that hangs may still take the change then.
func (s *store) update(ctx context.Context, change func(*changes) error) error {
	w := write{change, make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("the disk does not answer: %w", ctx.Err())
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the disk does not answer: %w", ctx.Err())
	}
}

// run writes what comes, together with what comes shortly after.
func (s *store) run() {
	defer close(s.done)
	for {
		var batch []write
		select {
		case <-s.closed:
			return
		case w := <-s.writes:
			batch = append(batch, w)
		}
		for full := time.After(batchDelay); len(batch) < maxBatch && full != nil; {
			select {
			case w := <-s.writes:
				batch = append(batch, w)
			case <-full:
				full = nil
			}
		}
		s.commit(batch)
	}
}

func (s *store) commit(batch []write) {
	refused := make([]error, len(batch))
	s.mu.RLock()
	db := s.db
	all := &changes{}
	var oldest int64
	err := safely(func() error {
		return db.Update(func(tx *bolt.Tx) error {
			all.Tx = tx
			for i, w := range batch {
				if refused[i] = w.change(all); refused[i] != nil && !errors.Is(refused[i], errSpoolFull) {
					return refused[i] // it may have changed something
				}
			}
			oldest = oldestIn(tx)
			return nil
		})
	})
	s.mu.RUnlock()
	if err == nil {
		s.queued.Add(all.queued)
		s.missing.Add(all.missing)
		s.oldest.Store(oldest)
		s.wrote.Store(time.Now().UnixNano())
	}
	if errors.Is(err, errDamaged) {
		err = errors.Join(err, s.replace(db, err))
	}
	for i, w := range batch {
		w.done <- errors.Join(err, refused[i])
	}
}

// close ends what is under way first. Closing it again does nothing.
func (s *store) close() error {
	s.closing.Do(func() { close(s.closed) })
	<-s.done
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil { // no new file could be begun
		return nil
	}
	return s.db.Close()
}
