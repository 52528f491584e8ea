package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one change of a file: the bytes from start to end become new.
type mutant struct {
	file       string
	line       int
	start, end int
	old, new   string
	operator   string
	equivalent string // the reason why no test can notice it
	number     int    // from 1
	state      state
}

// state says how a mutant is compiled.
type state int

const (
	inBinary state = iota // with the others
	alone                 // in a binary of its own
	invalid               // not at all
)

// marker begins the comment on a line whose mutants are equivalent. If the reason begins
// with text in brackets, only the mutants of that operator or with that new text are.
const marker = "//mutate:equivalent"

// mutantsOf returns all mutants of a package, in the order of its files.
func mutantsOf(pkg string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		found, err := mutantsIn(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func mutantsIn(file string) ([]mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	f := &finder{file: file, text: text, fset: fset, reasons: map[int]string{}}
	for _, group := range tree.Comments {
		for _, c := range group.List {
			if reason, ok := strings.CutPrefix(c.Text, marker); ok {
				f.reasons[fset.Position(c.Pos()).Line] = strings.TrimSpace(reason)
			}
		}
	}
	ast.Inspect(tree, f.visit)
	return f.found, nil
}

// finder collects the mutants of one file.
type finder struct {
	file    string
	text    []byte
	fset    *token.FileSet
	reasons map[int]string
	results []*ast.FieldList // of the functions around the node
	path    []ast.Node
	found   []mutant
}

func (f *finder) add(operator string, from, to token.Pos, replacement string) {
	start, end := f.fset.Position(from).Offset, f.fset.Position(to).Offset
	line := f.fset.Position(from).Line
	f.found = append(f.found, mutant{
		file: f.file, line: line, start: start, end: end, old: string(f.text[start:end]), new: replacement,
		operator: operator, equivalent: reasonFor(f.reasons[line], operator, replacement),
	})
}

// reasonFor returns the reason of a line if it is about a mutant.
func reasonFor(reason, operator, replacement string) string {
	only, rest, ok := strings.Cut(strings.TrimPrefix(reason, "["), "] ")
	if !strings.HasPrefix(reason, "[") || !ok {
		return reason
	}
	if only == operator || only == replacement {
		return rest
	}
	return ""
}

func (f *finder) source(n ast.Node) string {
	return string(f.text[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset])
}

func (f *finder) visit(n ast.Node) bool {
	if n == nil {
		last := f.path[len(f.path)-1]
		f.path = f.path[:len(f.path)-1]
		if functionType(last) != nil {
			f.results = f.results[:len(f.results)-1]
		}
		return false
	}
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field: // paths of packages, tags of fields
		return false
	case *ast.IfStmt:
		f.negate(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.negate(n.Cond)
		}
	case *ast.BinaryExpr:
		f.operator(n)
	case *ast.IncDecStmt:
		other := map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok]
		f.add("count", n.TokPos, n.TokPos+2, other)
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		if other := map[string]string{"true": "false", "false": "true"}[n.Name]; other != "" {
			f.add("boolean", n.Pos(), n.End(), other)
		}
	case *ast.ReturnStmt:
		f.returned(n)
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	}
	f.path = append(f.path, n)
	if t := functionType(n); t != nil {
		f.results = append(f.results, t.Results)
	}
	return true
}

func functionType(n ast.Node) *ast.FuncType {
	switch n := n.(type) {
	case *ast.FuncDecl:
		return n.Type
	case *ast.FuncLit:
		return n.Type
	}
	return nil
}

func (f *finder) negate(condition ast.Expr) {
	f.add("condition", condition.Pos(), condition.End(), "!("+f.source(condition)+")")
}

// others has the operators that replace an operator.
var others = map[token.Token][]string{
	token.LSS: {"<="}, token.LEQ: {"<"}, token.GTR: {">="}, token.GEQ: {">"},
	token.EQL: {"!="}, token.NEQ: {"=="}, token.LAND: {"||"}, token.LOR: {"&&"},
	token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"},
}

func (f *finder) operator(n *ast.BinaryExpr) {
	for _, other := range others[n.Op] {
		f.add("operator", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other)
	}
}

// literal changes numbers, and strings that are not text for people.
func (f *finder) literal(n *ast.BasicLit) {
	switch n.Kind {
	case token.INT:
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			f.add("number", n.Pos(), n.End(), strconv.FormatInt(i+1, 10))
		}
	case token.STRING:
		if value, err := strconv.Unquote(n.Value); err == nil && value != "" && !strings.Contains(value, " ") {
			f.add("string", n.Pos(), n.End(), `""`)
		}
	}
}

// zeros has the values that replace a returned value, by the name of its type.
var zeros = map[string]string{"error": "nil", "string": `""`, "int": "0"}

func (f *finder) returned(n *ast.ReturnStmt) {
	if len(f.results) == 0 || f.results[len(f.results)-1] == nil {
		return
	}
	types := resultTypes(f.results[len(f.results)-1])
	if len(types) != len(n.Results) {
		return
	}
	for i, value := range n.Results {
		switch t := types[i].(type) {
		case *ast.Ident:
			if t.Name == "bool" {
				f.add("result", value.Pos(), value.End(), "!("+f.source(value)+")")
			} else if zero, ok := zeros[t.Name]; ok && f.source(value) != zero {
				f.add("result", value.Pos(), value.End(), zero)
			}
		case *ast.ArrayType, *ast.MapType, *ast.StarExpr:
			if f.source(value) != "nil" {
				f.add("result", value.Pos(), value.End(), "nil")
			}
		}
	}
}

// resultTypes returns the type of each result.
func resultTypes(results *ast.FieldList) []ast.Expr {
	var types []ast.Expr
	for _, field := range results.List {
		for range max(1, len(field.Names)) {
			types = append(types, field.Type)
		}
	}
	return types
}

// statements removes one statement at a time: calls, assignments, break and continue.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			f.add("statement", s.Pos(), s.End(), "")
		case *ast.DeferStmt:
			if name, ok := s.Call.Fun.(*ast.Ident); !ok || name.Name != "cancel" && name.Name != "stop" { // only releases a context
				f.add("statement", s.Pos(), s.End(), "")
			}
		case *ast.BranchStmt:
			if s.Tok != token.GOTO && s.Tok != token.FALLTHROUGH {
				f.add("statement", s.Pos(), s.End(), "")
			}
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				f.add("statement", s.Pos(), s.End(), blank(f, s))
			}
		}
	}
}

// blank returns an assignment that only uses the values, so that the code compiles.
func blank(f *finder, s *ast.AssignStmt) string {
	left := strings.TrimSuffix(strings.Repeat("_, ", len(s.Lhs)), ", ")
	var right []string
	for _, value := range s.Rhs {
		right = append(right, f.source(value))
	}
	return left + " = " + strings.Join(right, ", ")
}
