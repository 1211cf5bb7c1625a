package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// copySecrets copies the keys where they stand in a file. Elsewhere they stand
// in a table and come along with it.
func (t Taker) copySecrets(to *folder) (*Sum, error) {
	if t.SecretsFile == "" {
		return nil, nil
	}
	data, err := readSecrets(t.SecretsFile)
	if err != nil {
		return nil, err
	}
	sum, err := to.write(secretsName, data)
	return &sum, err
}

func readSecrets(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("open the secrets file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxSecrets+1))
	if err == nil && len(data) > maxSecrets {
		err = fmt.Errorf("it is longer than %d bytes", maxSecrets)
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets file: %w", err)
	}
	return data, nil
}

// checkSecrets makes sure that the restored installation will find its own keys:
// with others no follow token and no push subscription would work.
func (r Restorer) checkSecrets(m Manifest) error {
	switch {
	case m.Secrets == nil && r.SecretsFile != "":
		return errors.New("the backup's keys are in its database, and those of KANTSTEN_SECRETS_FILE would be used instead: unset it")
	case m.Secrets != nil && r.SecretsFile == "":
		return errors.New("the backup's keys were in a file: say by KANTSTEN_SECRETS_FILE where to restore it")
	}
	return nil
}

// putSecrets writes the file with the keys; one that is there has to be the same.
func (r Restorer) putSecrets(from *folder, m Manifest) error {
	if m.Secrets == nil {
		return nil
	}
	data, err := from.read(secretsName, maxSecrets)
	if err != nil {
		return fmt.Errorf("read %s of the backup: %w", secretsName, err)
	}
	present, err := readSecrets(r.SecretsFile)
	switch {
	case err == nil && bytes.Equal(present, data):
		return nil
	case err == nil:
		return fmt.Errorf("%s is there already, with other keys than the backup's", r.SecretsFile)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return writeDurably(r.SecretsFile, data)
}

// writeDurably writes a file that only its owner may read: complete, or not at
// all.
func writeDurably(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".secrets-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(f.Name()))
	}
	return syncPath(filepath.Dir(name))
}
