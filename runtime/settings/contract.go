package settings

// A Schema is what can be set: groups by name. It is immutable.
type Schema struct{ root *node }

// Base is the schema of variant base.
func Base() *Schema

// ForVariant is the schema of a variant, by VARIANT_ID; an unknown one has the base groups.
func ForVariant(id string) *Schema

// Compose makes a schema of structs, each field of which is a group.
func Compose(trees ...any) (*Schema, error)

func (s *Schema) Find(k Key) (Node, bool)
func (s *Schema) Leaves() []Node
func (s *Schema) Flatten(doc map[string]any) (Values, error) // Values holds what was right even if err != nil
func (s *Schema) FlattenJSON(doc []byte) (Values, error)
func (s *Schema) Nest(v Values) map[string]any
func (s *Schema) Check(v Values) error
func (s *Schema) Defaults() Values
func (s *Schema) WithDefaults(v Values) Values // adds Defaults and the defaults of fields in map entries that v has
func (s *Schema) Redact(v Values) Values       // sensitive strings become "(redacted)"
func Decode[T any](s *Schema, v Values) (T, error)
func (s *Schema) OpenAPI(d APIDocument) []byte
func (s *Schema) JSONSchema() []byte
func (s *Schema) Markdown() []byte
func (s *Schema) Complete(prefix string) []string
func Or[T any](p *T, fallback T) T // *p, or fallback if p is nil

type node struct{}
