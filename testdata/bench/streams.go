package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// stream is an input of the programs.
type stream struct {
	name   string
	edits  int  // lines that the edit adds
	inside bool // the edit is inside a string
	growth bool // only for the table of growth, which compares cat and spaces-identity
	write  func(w *bufio.Writer)
}

const hundred = "100 MB" // also the last row of the table of growth

var streams = []stream{
	{name: "start-up, two documents", edits: 2, write: places},
	{name: "83 KB", edits: 2, write: func(w *bufio.Writer) { chart(w, 83<<10, 0); places(w) }},
	{name: "4.7 MB, 400 documents", edits: 2, write: func(w *bufio.Writer) { chart(w, 4_700_000, 16); places(w) }},
	{name: hundred, edits: 2, write: func(w *bufio.Writer) { chart(w, 100_000_000, 16); places(w) }},
	{name: "one document, 20 MB", edits: 1, write: oneDocument},
	{name: "200 control planes, all documents edited", edits: 400, write: controlPlanes},
	{name: "10,000 documents, all edited", edits: 10_000, write: manyPlaces},
	{name: "1 MB of values in a string", edits: 1, inside: true, write: embeddedValues},
	{name: "1 MB", edits: 2, growth: true, write: func(w *bufio.Writer) { chart(w, 1_000_000, 16); places(w) }},
	{name: "10 MB", edits: 2, growth: true, write: func(w *bufio.Writer) { chart(w, 10_000_000, 16); places(w) }},
}

// create writes the stream to a file and tells its size.
func (s stream) create(file string) (int64, error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(f)
	s.write(w)
	if err := w.Flush(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Close()
}

// chart writes documents like those of a monitoring chart, until they have the size. In
// every 400 documents, some define resources with large schemas, which are most of the
// bytes. The others are small objects.
func chart(w *bufio.Writer, size, definitions int) {
	written := 0
	for n := 0; written < size; n++ {
		text := object(n)
		if definitions > 0 && n%(400/definitions) == 0 {
			text = definition(n, 4_700_000/definitions*9/10)
		}
		_, _ = w.WriteString(text) // Flush returns the error
		written += len(text)
	}
}

// object returns a small object. Its kind depends on n.
func object(n int) string {
	head := func(version, kind string) string {
		return fmt.Sprintf(`---
# Source: monitoring/charts/part-%[1]d/templates/%[3]s.yaml
apiVersion: %[2]s
kind: %[3]s
metadata:
  name: part-%[1]d
  namespace: monitoring
  labels:
    app.kubernetes.io/name: part-%[1]d
    app.kubernetes.io/managed-by: "Helm"
`, n, version, kind)
	}
	switch n % 4 {
	case 0:
		return head("v1", "ServiceAccount") + "automountServiceAccountToken: false\n"
	case 1:
		return head("v1", "Service") + fmt.Sprintf("spec:\n  ports:\n  - {name: http, port: %d, targetPort: 'http'}\n  selector:\n    app.kubernetes.io/name: \"part-%d\"\n", 8000+n%1000, n)
	case 2:
		return head("v1", "ConfigMap") + "data:\n  rules.yaml: |-\n    groups:\n" + strings.Repeat("    - name: alert   # as the docs say\n      expr: sum(rate(http_requests_total{job=\"x\"}[5m])) > 0\n", 12)
	}
	return head("apps/v1", "Deployment") + fmt.Sprintf(`spec:
  replicas: 1
  selector:
    matchLabels: { app.kubernetes.io/name: part-%[1]d }
  template:
    metadata:
      annotations:
        checksum/config: "%064[1]d"
      labels:
        app.kubernetes.io/name: part-%[1]d
    spec:
      serviceAccountName: part-%[1]d
      containers:
      - name: main
        image: "registry.example/part:v1.%[1]d"
        args: ["--listen=:8080", "--level=info"]
        env:
        - name: POD_NAME
          valueFrom:
            fieldRef: {fieldPath: metadata.name}
`, n)
}

// definition returns a CustomResourceDefinition of about the given size.
func definition(n, size int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `---
# Source: monitoring/crds/%[1]d.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things%[1]d.example.com
spec:
  group: example.com
  names:
    kind: Thing%[1]d
    plural: things%[1]d
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
`, n)
	for field := 0; b.Len() < size; field++ {
		fmt.Fprintf(&b, `              field%d:
                description: |-
                  What the field is for, in some words; where it is unset,
                  the default is taken.

                  More info: https://example.com/docs#field
                properties:
                  key:
                    description: The key to select.
                    type: string
                  optional:
                    default: ""
                    type: boolean
                required:
                - key
                type: object
                x-kubernetes-map-type: atomic
`, field)
	}
	return b.String()
}

// places writes the ServiceAccount and the Deployment that the edit changes.
func places(w *bufio.Writer) {
	_, _ = w.WriteString(serviceAccount(0) + deploymentHead)
}

func serviceAccount(n int) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: mxp-controller
  namespace: mxp-%d-system
  annotations:
    example.com/team: "platform"
`, n)
}

const deploymentHead = `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: mxp-host
  namespace: mxp-0-system
spec:
  selector:
    matchLabels:
      app: mxp-host
  template:
    metadata:
      annotations:
        example.com/team: "platform"
      labels:
        app: mxp-host
    spec:
      serviceAccountName: mxp-controller
      containers:
      - name: main
        image: registry.example/mxp:v1
        env:
        - name: FIRST
          value: "1"
`

// oneDocument writes a Deployment with more environment variables than a cluster would
// accept.
func oneDocument(w *bufio.Writer) {
	_, _ = w.WriteString(deploymentHead)
	for n, written := 0, 0; written < 20_000_000; n++ {
		text := fmt.Sprintf("        - name: VARIABLE_%d # one of many\n          value: \"a value of some length, with words in it\"\n", n)
		_, _ = w.WriteString(text)
		written += len(text)
	}
}

func manyPlaces(w *bufio.Writer) {
	for n := range 10_000 {
		_, _ = w.WriteString(serviceAccount(n))
	}
}

// controlPlanes writes a ServiceAccount and a Deployment for each of 200 control planes.
func controlPlanes(w *bufio.Writer) {
	for n := range 200 {
		_, _ = w.WriteString(serviceAccount(n) + strings.ReplaceAll(deploymentHead, "mxp-0-", fmt.Sprintf("mxp-%d-", n)))
		_, _ = w.WriteString(deploymentTail)
	}
}

const deploymentTail = `        - name: POD_NAMESPACE
          valueFrom:
            fieldRef: {fieldPath: metadata.namespace}
        ports:
        - name: metrics # scraped by the agent
          containerPort: 8080
          protocol: TCP
        livenessProbe:
          httpGet:
            path: /healthz
            port: metrics
          initialDelaySeconds: 10
          periodSeconds: 20
        readinessProbe:
          httpGet:
            path: /readyz
            port: metrics
          periodSeconds: 10
        resources:
          limits: {memory: 512Mi}
          requests:
            cpu: 100m
            memory: 256Mi
        securityContext:
          allowPrivilegeEscalation: false
          runAsNonRoot: true
      volumes:
      - name: config
        configMap:
          name: mxp-config
`

// embeddedValues writes a ConfigMap with embedded values in a string.
func embeddedValues(w *bufio.Writer) {
	_, _ = w.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: spaces-values\n  namespace: upbound-system\ndata:\n  values.yaml: |\n" +
		"    controlPlanes:\n      mxpController:\n        serviceAccount:\n          annotations:\n            example.com/team: \"platform\"\n    other:\n")
	for n, written := 0, 0; written < 1_000_000; n++ {
		text := fmt.Sprintf("      - name: setting-%d # one of many\n        value: \"a value of some length\"\n", n)
		_, _ = w.WriteString(text)
		written += len(text)
	}
}
