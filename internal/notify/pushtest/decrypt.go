package pushtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// The sizes of RFC 8188 section 2.1 and RFC 8291 section 3, in bytes.
const (
	saltBytes   = 16
	authBytes   = 16
	pointBytes  = 65
	headerBytes = saltBytes + 4 + 1 + pointBytes
	tagBytes    = 16
	keyBytes    = 16
	nonceBytes  = 12
	ikmBytes    = 32
)

// Decrypt opens an aes128gcm message that was sealed for the receiver's key pair
// and authentication secret, and returns what was sealed without its padding.
func Decrypt(body []byte, receiver *ecdh.PrivateKey, auth []byte) ([]byte, error) {
	if len(body) < headerBytes+tagBytes+1 {
		return nil, fmt.Errorf("message of %d bytes is shorter than its header and one record", len(body))
	}
	salt, sealed := body[:saltBytes], body[headerBytes:]
	recordSize := binary.BigEndian.Uint32(body[saltBytes:])
	if n := body[saltBytes+4]; n != pointBytes {
		return nil, fmt.Errorf("key id has %d bytes, not those of a P-256 point", n)
	}
	// RFC 8291 section 4: one record only, and rs larger than what is in it.
	if uint64(recordSize) < uint64(len(sealed)) {
		return nil, fmt.Errorf("record size %d is less than the %d bytes of the one record", recordSize, len(sealed))
	}
	sender, err := ecdh.P256().NewPublicKey(body[saltBytes+5 : headerBytes])
	if err != nil {
		return nil, fmt.Errorf("read sender's key: %w", err)
	}
	key, nonce, err := contentKeys(receiver, sender, auth, salt)
	if err != nil {
		return nil, err
	}
	padded, err := open(key, nonce, sealed)
	if err != nil {
		return nil, err
	}
	return unpad(padded)
}

// contentKeys derives the content encryption key and the nonce of the first
// record: RFC 8291 section 3.4.
func contentKeys(receiver *ecdh.PrivateKey, sender *ecdh.PublicKey, auth, salt []byte) (key, nonce []byte, err error) {
	secret, err := receiver.ECDH(sender)
	if err != nil {
		return nil, nil, fmt.Errorf("agree on a secret: %w", err)
	}
	info := "WebPush: info\x00" + string(receiver.PublicKey().Bytes()) + string(sender.Bytes())
	ikm, err := hkdf.Key(sha256.New, secret, auth, info, ikmBytes)
	if err != nil {
		return nil, nil, fmt.Errorf("derive input key: %w", err)
	}
	if key, err = hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", keyBytes); err != nil {
		return nil, nil, fmt.Errorf("derive content key: %w", err)
	}
	if nonce, err = hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", nonceBytes); err != nil {
		return nil, nil, fmt.Errorf("derive nonce: %w", err)
	}
	return key, nonce, nil
}

func open(key, nonce, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up AES: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up GCM: %w", err)
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("open record: %w", err)
	}
	return plain, nil
}

// unpad removes zeros and the delimiter 2 that ends the last record.
func unpad(padded []byte) ([]byte, error) {
	const lastRecord = 2
	trimmed := bytes.TrimRight(padded, "\x00")
	if len(trimmed) == 0 || trimmed[len(trimmed)-1] != lastRecord {
		return nil, errors.New("no delimiter of a last record")
	}
	return trimmed[:len(trimmed)-1], nil
}
