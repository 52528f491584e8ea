package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/identity"
)

type node = *yaml.Node

// reader reads the value of a key into the object that has the key. What is
// wrong goes to the settings, and reading goes on.
type reader[T any] func(s *settings, path string, n node, into *T)

// field is a key of a mapping and how its value is read.
type field[T any] struct {
	key  string
	read reader[T]
}

// object reads a mapping by its table of fields.
func object[T any](fields []field[T]) reader[T] {
	return func(s *settings, path string, n node, into *T) {
		s.eachKey(path, n, func(key, value node) {
			i := slices.IndexFunc(fields, func(f field[T]) bool { return f.key == key.Value })
			if i < 0 {
				s.fail(s.at(key), path, unknownKey(key.Value, fields))
				return
			}
			below := join(path, key.Value)
			s.origins[below] = s.at(value)
			fields[i].read(s, below, value, into)
		})
	}
}

func unknownKey[T any](key string, fields []field[T]) error {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	if key == "<<" {
		return errors.New("merge keys (<<) are not read in a config: write the settings out")
	}
	if near := identity.Nearest(key, keys); near != "" {
		return fmt.Errorf("unknown key %q, did you mean %s?", key, near)
	}
	return fmt.Errorf("unknown key %q: known here are %s", key, strings.Join(keys, ", "))
}

// within reads a mapping into a part of the object.
func within[T, P any](fields []field[P], part func(*T) *P) reader[T] {
	read := object(fields)
	return func(s *settings, path string, n node, into *T) { read(s, path, n, part(into)) }
}

// list reads a sequence of mappings.
func list[T, E any](fields []field[E], part func(*T) *[]E) reader[T] {
	read := object(fields)
	return func(s *settings, path string, n node, into *T) {
		s.eachItem(path, n, func(at string, item node) {
			var element E
			read(s, at, item, &element)
			*part(into) = append(*part(into), element)
		})
	}
}

// text reads a string and checks it.
func text[T any](check func(string) error, part func(*T) *string) reader[T] {
	return parsed(func(value string) (string, error) { return value, check(value) }, part)
}

// parsed reads a string into what it means. An empty one is a setting left out.
func parsed[T, V any](parse func(string) (V, error), part func(*T) *V) reader[T] {
	return func(s *settings, path string, n node, into *T) {
		readText(s, path, n, func(value string) error {
			if value == "" {
				return nil
			}
			meaning, err := parse(value)
			if err == nil {
				*part(into) = meaning
			}
			return err
		})
	}
}

// texts reads a sequence of strings.
func texts[T any](check func(string) error, part func(*T) *[]string) reader[T] {
	return func(s *settings, path string, n node, into *T) {
		s.eachItem(path, n, func(at string, item node) {
			value, ok := s.scalar(at, item, "!!str")
			if !ok {
				return
			}
			if err := check(value); err != nil {
				s.fail(s.at(item), at, err)
				return
			}
			*part(into) = append(*part(into), value)
		})
	}
}

// pairs reads a mapping of strings to strings.
func pairs[T any](check func(key, value string) error, part func(*T) *map[string]string) reader[T] {
	return func(s *settings, path string, n node, into *T) {
		found := map[string]string{}
		s.eachKey(path, n, func(key, value node) {
			below := join(path, key.Value)
			text, ok := s.scalar(below, value, "!!str")
			if !ok {
				return
			}
			s.origins[below] = s.at(key)
			if err := check(key.Value, text); err != nil {
				s.fail(s.at(key), below, err)
				return
			}
			found[key.Value] = text
		})
		if len(found) > 0 {
			*part(into) = found
		}
	}
}

// boolean reads true or false.
func boolean[T any](part func(*T) *bool) reader[T] {
	return func(s *settings, path string, n node, into *T) {
		if isNull(n) {
			return
		}
		if value, ok := s.scalar(path, n, "!!bool"); ok { // true, True or TRUE
			*part(into) = strings.EqualFold(value, "true")
		}
	}
}

// integer reads a whole number and checks it.
func integer[T any](check func(int) error, part func(*T) *int) reader[T] {
	return func(s *settings, path string, n node, into *T) {
		if isNull(n) {
			return
		}
		value, ok := s.scalar(path, n, "!!int")
		if !ok {
			return
		}
		number, err := strconv.Atoi(value)
		if err != nil || strconv.Itoa(number) != value {
			err = fmt.Errorf("%q cannot be read: write it in decimal digits", value)
		} else {
			err = check(number)
		}
		if err != nil {
			s.fail(s.at(n), path, err)
			return
		}
		*part(into) = number
	}
}

// readText gives a string to the function that takes it. No value is a setting
// left out.
func readText(s *settings, path string, n node, take func(string) error) {
	if isNull(n) {
		delete(s.origins, path)
		return
	}
	value, ok := s.scalar(path, n, "!!str")
	if !ok {
		return
	}
	if err := take(value); err != nil {
		s.fail(s.at(n), path, err)
	}
}
