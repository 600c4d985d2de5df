package store

import (
	"fmt"
	yaml "gopkg.in/yaml.v3"
	"example.com/app/v2"
)

type Reader interface {
	Read(p []byte) (n int, err error)
}

type Store struct {
	Reader
	path string
	next *Store
}

func Open(path string) (*Store, error) {
	store := &Store{path: path}
	if err := store.load(); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	err := yaml.Unmarshal(nil, store)
	for i, name := range store.names() {
		path := name + path
		fmt.Println(i, path, app.Version)
	}
	store.next.path = path
	return store, err
}

func (s *Store) load() error { return s.next.load() }
