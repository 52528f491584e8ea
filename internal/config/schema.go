package config

import (
	"bytes"
	"encoding/json"

	"spaces-identity.dev/internal/iam"
)

// Schema returns the JSON Schema of the config, with which an editor completes and checks
// the file while somebody writes it. It has every row of the table.
//
// The schema accepts every config that [Decode] accepts. It also accepts some others: it
// knows nothing of how settings depend on each other, and its patterns are wider than the
// parsers.
//
// It is of draft 7, because the language server for YAML, which most editors use, reads
// that one and older ones. Its patterns have only what RE2 and ECMA 262 share.
func Schema() []byte {
	root := object(Rows(), "")
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "spaces-identity.yaml"
	root["description"] = "Config of spaces-identity, " + APIVersion
	root["type"] = "object"
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic(err) // maps, slices, strings and numbers: encoding cannot fail
	}
	return text.Bytes()
}

// schema is a part of the JSON Schema.
type schema map[string]any

// object returns the schema of the mapping at the key, without its type.
func object(rows []Row, key string) schema {
	properties, required := schema{}, []string{}
	for _, r := range rows {
		if r.parent() != key {
			continue
		}
		properties[r.name()] = r.schema(rows)
		if r.Required || key == "" && len(r.Choices) > 0 {
			required = append(required, r.name())
		}
	}
	of := schema{"properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		of["required"] = required
	}
	return of
}

// schema returns the schema of the setting.
func (r Row) schema(rows []Row) schema {
	of := r.values(rows)
	of["description"] = r.Doc
	if r.Default != "" {
		of["description"] = r.Doc + " (default: " + r.Default + ")"
	}
	return of
}

// values returns the schema of the setting's values. A key without a value, and an empty
// string, mean that the setting is left out.
func (r Row) values(rows []Row) schema {
	switch r.Type {
	case "mapping":
		return nullable(object(rows, r.Key), "object")
	case "list":
		items := object(rows, r.Key+"[]")
		items["type"] = "object"
		return nullable(schema{"items": items}, "array")
	case "strings or mappings":
		item := object(rows, r.Key+"[]")
		item["type"] = "object"
		return nullable(schema{"items": schema{"anyOf": []schema{r.text(), item}}}, "array")
	case "strings":
		return nullable(schema{"items": r.text()}, "array")
	case "commands":
		return nullable(schema{"items": schema{"type": "array", "minItems": 1, "items": schema{"type": "string"}}}, "array")
	case "pairs":
		of := schema{"additionalProperties": r.text()}
		if r.KeyPattern != "" {
			of["propertyNames"] = schema{"pattern": r.KeyPattern}
		}
		return nullable(of, "object")
	case "boolean":
		return nullable(schema{}, "boolean")
	case "integer":
		return nullable(schema{"minimum": r.Least, "maximum": r.Most}, "integer")
	case "policy":
		return policySchema()
	case "string":
		return r.scalar()
	default: // anything
		return schema{}
	}
}

// nullable returns the schema for the type and for null.
func nullable(of schema, name string) schema {
	of["type"] = []string{name, "null"}
	return of
}

// text returns the schema of a string in a list or in pairs.
func (r Row) text() schema {
	of := schema{"type": "string"}
	if r.Pattern != "" {
		of["pattern"] = r.Pattern
	}
	return of
}

// scalar returns the schema of a string.
func (r Row) scalar() schema {
	of := schema{}
	switch {
	case r.parent() == "": // a header
		return schema{"const": r.Choices[0]}
	case r.Required:
		of = r.text()
		of["minLength"] = 1
	case len(r.Choices) > 0 && !r.Open:
		values := []any{}
		for _, choice := range r.Choices {
			values = append(values, choice)
		}
		of["enum"] = append(values, "", nil)
	case r.Pattern != "":
		nullable(of, "string")["pattern"] = "^$|" + r.Pattern
	default:
		nullable(of, "string")
	}
	if r.Open {
		of["examples"] = r.Choices
	}
	return of
}

// policySchema returns the schema of a permissions policy: the policy itself, or a string
// with it or with the name of its file.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language".
func policySchema() schema {
	statement := schema{"type": "object", "additionalProperties": false, "required": []string{"Effect"}, "properties": schema{
		"Sid": schema{}, "Effect": schema{"enum": []string{"Allow", "Deny"}}, "Action": schema{}, "NotAction": schema{},
		"Resource": schema{}, "NotResource": schema{}, "Condition": schema{"type": "object"},
	}}
	return schema{
		"type":       []string{"object", "string", "null"},
		"properties": schema{"Version": schema{"const": iam.PolicyVersion}, "Id": schema{}, "Statement": schema{"anyOf": []schema{statement, {"type": "array", "minItems": 1, "items": statement}}}},
		"required":   []string{"Version", "Statement"}, "additionalProperties": false,
	}
}

// Patterns of values for the schema. Each matches every value that the parser of the
// setting accepts; a test generates values and compares. "^$|" before a pattern needs no
// parentheses, so no pattern has an alternative outside of parentheses.
const (
	plainText       = `^(|\S|\S[\s\S]*\S)$`
	labelText       = `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	nameText        = `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`
	metadataKeyText = `^([a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`
	labelValueText  = `^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$`
	tagKeyText      = `^[\p{L}\p{Z}\p{N}_.:/=+@-]+$`

	issuerText       = `^((https://)?[a-z0-9][a-z0-9.-]*(/[A-Za-z0-9._~/-]*)?|arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9._~/-]+)$`
	matchText        = `^[a-z0-9*?-]*[a-z0-9][a-z0-9*?-]*$`
	roleText         = `^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	policyText       = `^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$`
	keyText          = `^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`
	bucketText       = `^[a-z0-9][a-z0-9.-]+[a-z0-9]$`
	prefixText       = `^[^/*?\s]([^*?]*[^*?\s])?$`
	secretText       = `^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@?-]+|[A-Za-z0-9/_+=.@-]+)$`
	parameterText    = `^(arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter)?/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`
	organizationText = `^o-[a-z0-9]{10,32}$`
	arnPatternText   = `^arn:([^:]*:){4}`
	controlPlaneText = `^[a-z0-9-]+/[a-z0-9.-]+$`
	endpointText     = `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`
)
