package config

// SchemaURL is the address of the JSON Schema of this version, which init names in the
// config. make release-files writes it.
const SchemaURL = "https://example.com/spaces-identity/spaces-identity/raw/v0.1.0/docs/spaces-identity.schema.json"
