package signals

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	spoolFile = "callbacks.db"
	maxSpool  = 1 << 30 // bytes in use: some three million callbacks
	keepDead  = 10_000  // dead letters, the newest

	// batchDelay is what a callback waits for others to share its sync, which takes about as long itself.
	batchDelay = time.Millisecond
)

var errSpoolFull = errors.New("the spool is full: Temporal has not been reachable for long")

// The buckets of the file. A queue key is the hash of a target and a sequence number, so that the news of one target
// lies together and in order; ages has the same sequence numbers with the time that each piece of news came.
var (
	bucketQueue = []byte("queue")
	bucketAges  = []byte("ages")
	bucketDead  = []byte("dead")
	bucketMeta  = []byte("meta")

	keyNamespace = []byte("namespace")
	keyProbe     = []byte("probe")
)

// entry is one piece of news on disk. It has no token and no address in it.
type entry struct {
	Kind       Kind      `json:"kind"`
	WorkflowID string    `json:"workflowId"`
	Key        string    `json:"key"`
	Callback   Callback  `json:"callback"`
	Came       time.Time `json:"came"`
	Trace      []byte    `json:"trace,omitempty"` // a Trace: of the callback's span
	Fault      string    `json:"fault,omitempty"` // of a dead letter: why it cannot be delivered
}

func (e *entry) trace() (t Trace) {
	copy(t[:], e.Trace)
	return t
}

// item is an entry with its place in the queue.
type item struct {
	key   []byte
	entry entry
}

// store is the spool's file. What it was given and not yet removed survives the end of the process, and of the machine.
type store struct {
	db  *bolt.DB
	max int64
}

func openStore(dir, namespace string) (*store, error) {
	file := filepath.Join(dir, spoolFile)
	// As etcd does: free pages are found again at start, which spares every write from listing them.
	db, err := bolt.Open(file, 0o600, &bolt.Options{Timeout: time.Second, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("spool %s is in use by another process: give every bridge a folder of its own", file)
	}
	if err != nil {
		return nil, fmt.Errorf("open spool %s: %w", file, err)
	}
	db.MaxBatchDelay = batchDelay
	s := &store{db: db, max: maxSpool}
	if err := errors.Join(s.claim(namespace), syncFolder(dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("open spool %s: %w", file, err), db.Close())
	}
	return s, nil
}

// claim prepares the file for news of one namespace. A file that is prepared already is not written to,
// so that a bridge starts on a full disk too.
func (s *store) claim(namespace string) error {
	var owner []byte
	waiting := 0
	err := s.db.View(func(tx *bolt.Tx) error {
		if meta := tx.Bucket(bucketMeta); meta != nil {
			owner = bytes.Clone(meta.Get(keyNamespace))
			waiting = tx.Bucket(bucketQueue).Stats().KeyN
		}
		return nil
	})
	switch {
	case err != nil || string(owner) == namespace:
		return err
	case waiting > 0:
		return fmt.Errorf("%d callbacks in it are for the namespace %q, not %q: run a bridge for that one until they are delivered, or use another folder",
			waiting, owner, namespace)
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketQueue, bucketAges, bucketDead, bucketMeta} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keyNamespace, []byte(namespace))
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

// put returns once the news is on disk; those who put at the same time share one sync.
func (s *store) put(t Target, c Callback, came time.Time, trace Trace) error {
	e := entry{Kind: t.Kind, WorkflowID: t.WorkflowID, Key: t.Key, Callback: c, Came: came}
	if !trace.isNone() {
		e.Trace = trace[:]
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.db.Batch(func(tx *bolt.Tx) error {
		if err := s.room(tx); err != nil {
			return err
		}
		queue := tx.Bucket(bucketQueue)
		seq, err := queue.NextSequence()
		if err != nil {
			return err
		}
		number := binary.BigEndian.AppendUint64(nil, seq)
		if err := queue.Put(append(queueOf(t), number...), data); err != nil {
			return err
		}
		return tx.Bucket(bucketAges).Put(number, binary.BigEndian.AppendUint64(nil, uint64(came.UnixNano())))
	})
}

// room is measured in pages in use: the file itself never shrinks.
func (s *store) room(tx *bolt.Tx) error {
	if tx.Size()-int64(s.db.Stats().FreePageN)*int64(s.db.Info().PageSize) > s.max {
		return errSpoolFull
	}
	return nil
}

// has says whether news of the target waits.
func (s *store) has(t Target) (found bool, err error) {
	prefix := queueOf(t)
	err = s.db.View(func(tx *bolt.Tx) error {
		key, _ := tx.Bucket(bucketQueue).Cursor().Seek(prefix)
		found = bytes.HasPrefix(key, prefix)
		return nil
	})
	return found, err
}

// heads returns the oldest news of up to limit targets, from the position on, and the position behind them.
func (s *store) heads(position []byte, limit int) (heads []item, next []byte, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketQueue).Cursor()
		next = position
		for key, data := c.Seek(next); key != nil && len(heads) < limit; key, data = c.Seek(next) {
			head := item{key: bytes.Clone(key)}
			if err := json.Unmarshal(data, &head.entry); err != nil { // shall not hold up the others
				head.entry = entry{Fault: fmt.Sprintf("not readable: %q", data)}
			}
			heads = append(heads, head)
			next = binary.BigEndian.AppendUint64(bytes.Clone(key[:sha256.Size]), 1<<64-1)
		}
		return nil
	})
	return heads, next, err
}

// settle removes what was delivered, and moves what never can be to the dead letters: those with a fault.
func (s *store) settle(items []item) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, it := range items {
			number := it.key[sha256.Size:]
			if it.entry.Fault != "" {
				if err := bury(tx.Bucket(bucketDead), it.entry); err != nil {
					return err
				}
			}
			if err := errors.Join(tx.Bucket(bucketQueue).Delete(it.key), tx.Bucket(bucketAges).Delete(number)); err != nil {
				return err
			}
		}
		return nil
	})
}

func bury(dead *bolt.Bucket, e entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	seq, err := dead.NextSequence()
	if err != nil {
		return err
	}
	if seq > keepDead {
		if err := dead.Delete(binary.BigEndian.AppendUint64(nil, seq-keepDead)); err != nil {
			return err
		}
	}
	return dead.Put(binary.BigEndian.AppendUint64(nil, seq), data)
}

// count walks through the whole queue: for the start only.
func (s *store) count() (n int, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(bucketQueue).Stats().KeyN
		return nil
	})
	return n, err
}

// oldest is when the news came that waits longest; zero when none waits.
func (s *store) oldest() (came time.Time, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		if _, at := tx.Bucket(bucketAges).Cursor().First(); at != nil {
			came = time.Unix(0, int64(binary.BigEndian.Uint64(at)))
		}
		return nil
	})
	return came, err
}

// probe writes, so that a full or read-only disk is noticed before a callback meets it.
func (s *store) probe() error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := s.room(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyProbe, binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())))
	})
}

// queueOf is the prefix of all keys of one target's news.
func queueOf(t Target) []byte {
	var b []byte
	for _, s := range []string{string(t.Kind), t.WorkflowID, t.Key} {
		b = appendText(b, s)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}
