package manifest

// flow parses a flow collection. Its further lines must be indented more than
// the collection around it.
func (q *quick) flow(parent int) *Node {
	if q.depth++; q.depth > maxQuickDepth {
		q.giveUp()
		return q.null()
	}
	defer func() { q.depth-- }()
	opening := q.text[q.at]
	n := q.newNode(Mapping, Flow, q.at)
	closing := byte('}')
	if opening == '[' {
		n.Kind, closing = Sequence, ']'
	}
	q.at++
	for q.flowBlanks(parent) {
		if q.text[q.at] == closing {
			q.at++
			n.End = q.at
			return n
		}
		q.flowEntry(n, parent)
		if !q.flowBlanks(parent) {
			return n
		}
		switch q.text[q.at] {
		case ',':
			q.at++
		case closing:
		default:
			q.giveUp()
		}
	}
	return n
}

// flowEntry parses an item, or a key and its value.
func (q *quick) flowEntry(n *Node, parent int) {
	if n.Kind == Sequence {
		item := q.flowValue(parent)
		if q.at < len(q.text) && q.text[q.at] == ':' {
			q.giveUp() // a mapping without braces
		}
		n.Content = append(n.Content, item)
		return
	}
	start := q.at
	key := q.scalar(true)
	if q.gaveUp || q.at >= len(q.text) || q.text[q.at] != ':' || q.at-start > maxKey {
		q.giveUp()
		return
	}
	q.at++
	if key.Style == Plain && !q.blankAt(q.at) || !q.flowBlanks(parent) {
		q.giveUp()
		return
	}
	n.Content = append(n.Content, key, q.flowValue(parent))
}

func (q *quick) flowValue(parent int) *Node {
	switch q.text[q.at] {
	case '{', '[':
		return q.flow(parent)
	case ',', '}', ']':
		q.giveUp() // an empty value
		return q.null()
	}
	return q.scalar(true)
}

// flowBlanks skips blanks, line breaks and comments, and reports whether
// something follows.
func (q *quick) flowBlanks(parent int) bool {
	for !q.gaveUp && q.at < len(q.text) {
		switch q.text[q.at] {
		case ' ':
			q.at++
		case '\t':
			if parent >= 0 {
				q.giveUp()
			}
			q.at++
		case '\n':
			q.at++
			q.flowIndent(parent)
		case '#':
			if before := q.text[q.at-1]; before != ' ' && before != '\n' {
				q.giveUp()
			}
			q.at = q.lineEnd() - 1
			if q.text[q.at] != '\n' {
				q.giveUp()
			}
		default:
			return true
		}
	}
	q.giveUp()
	return false
}

// flowIndent gives up on a line that is not indented more than what is around
// the collection, and on one that looks like a document marker.
func (q *quick) flowIndent(parent int) {
	column := 0
	for q.at+column < len(q.text) && q.text[q.at+column] == ' ' {
		column++
	}
	at := q.at + column
	if at < len(q.text) && q.text[at] != '\n' && column <= parent {
		q.giveUp()
	}
	if column == 0 && len(q.text)-at >= 3 && (q.text[at:at+3] == "---" || q.text[at:at+3] == "...") {
		q.giveUp()
	}
}
