package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/reread"
)

// certificatesServe is how long certificates serve without a look whether they were renewed.
const certificatesServe = 5 * time.Second

// certificates are what the files of certificates hold, and what is made of it.
type certificates struct {
	roots, cert, key string
	tls              *tls.Config
}

// certificates reads the roots that verify the platform, and the certificate that shows it who calls. They expire, so
// their files are read again when they change: the function that is returned gives the configuration of a new connection,
// the same one as long as nothing has changed. It is nil without such files.
func (r *reader) certificates() func() *tls.Config {
	roots, cert, key := r.optional("DPA_CA_FILE"), r.optional("DPA_CLIENT_CERT_FILE"), r.optional("DPA_CLIENT_KEY_FILE")
	if (cert == "") != (key == "") {
		r.fault("DPA_CLIENT_CERT_FILE and DPA_CLIENT_KEY_FILE go together: set both or none")
		return nil
	}
	if roots == "" && cert == "" {
		return nil
	}
	value := &reread.Value[certificates]{Every: certificatesServe, Read: func(last certificates) (certificates, error) {
		return readCertificates(last, roots, cert, key)
	}}
	if _, err := value.Get(); err != nil {
		r.fault("%v", err)
	}
	value.Failed = func(err error) {
		slog.Error("the certificates for the platform cannot be read again; the last ones stay in use", "error", err)
	}
	return func() *tls.Config {
		current, _ := value.Get() // which has logged its error
		return current.tls
	}
}

func readCertificates(last certificates, roots, cert, key string) (certificates, error) {
	var now certificates
	var faults []string
	for _, file := range []struct {
		variable, name string
		into           *string
	}{
		{"DPA_CA_FILE", roots, &now.roots}, {"DPA_CLIENT_CERT_FILE", cert, &now.cert}, {"DPA_CLIENT_KEY_FILE", key, &now.key},
	} {
		if file.name == "" {
			continue
		}
		var err error
		if *file.into, err = readFile(file.name); err != nil {
			faults = append(faults, fmt.Sprintf("%s: must be the name of a file that can be read, and is not: %v", file.variable, err))
		}
	}
	if len(faults) > 0 {
		return certificates{}, errors.New(strings.Join(faults, "; "))
	}
	if last.tls != nil && now.roots == last.roots && now.cert == last.cert && now.key == last.key {
		return last, nil
	}
	now.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if roots != "" {
		now.tls.RootCAs = x509.NewCertPool()
		if !now.tls.RootCAs.AppendCertsFromPEM([]byte(now.roots)) {
			return certificates{}, fmt.Errorf("DPA_CA_FILE: must be a file of certificates in PEM, and %q is not", roots)
		}
	}
	if cert != "" {
		pair, err := tls.X509KeyPair([]byte(now.cert), []byte(now.key))
		if err != nil { // whose text may show what is in the files
			return certificates{}, errors.New("DPA_CLIENT_CERT_FILE and DPA_CLIENT_KEY_FILE: must be a certificate and its key in PEM")
		}
		now.tls.Certificates = []tls.Certificate{pair}
	}
	return now, nil
}
