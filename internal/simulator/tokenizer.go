package simulator

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// The tokenizer is word by word. A token's text is a space and its word, "w" and the
// id in five digits; any other word stands for an id that its hash gives. So text and
// ids of the same prompt share the cache. Ids below specialTokens are special: 0 pads,
// 1 begins a chat, 2 begins a message and ends a text.
const (
	specialTokens = 3
	tokenBegin    = 1
	tokenMessage  = 2
)

// tokenize appends the tokens of text to ids.
func tokenize(ids []int32, text string, vocab int) []int32 {
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if unicode.IsSpace(r) {
			text = text[size:]
			continue
		}
		end := size
		for end < len(text) {
			r, size = utf8.DecodeRuneInString(text[end:])
			if unicode.IsSpace(r) {
				break
			}
			end += size
		}
		ids = append(ids, wordID(text[:end], vocab))
		text = text[end:]
	}
	return ids
}

// wordID gives the token of one word.
func wordID(word string, vocab int) int32 {
	if id, ok := canonical(word); ok && id < vocab {
		return int32(id)
	}
	return specialTokens + int32(hashString(word)%uint64(vocab-specialTokens))
}

// canonical reads "w" and an id in at least five digits, with no more zeros in front
// than make it five, so that a token has one word only.
func canonical(word string) (id int, ok bool) {
	if len(word) < 6 || len(word) > 8 || word[0] != 'w' || (len(word) > 6 && word[1] == '0') {
		return 0, false
	}
	for i := 1; i < len(word); i++ {
		d := word[i] - '0'
		if d > 9 {
			return 0, false
		}
		id = id*10 + int(d)
	}
	return id, true
}

// appendWord appends the word of a token.
func appendWord(b []byte, id int32) []byte {
	b = append(b, 'w')
	for limit := int32(10000); limit > 1 && id < limit; limit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(id), 10)
}

// message is one entry of a chat.
type message struct {
	role, content string
}

// chatTokens applies the chat template: a beginning; for each message a mark, its
// role and its content; then the mark and role of the answer. One message of k words
// has k + 5 tokens.
func chatTokens(ids []int32, messages []message, vocab int) []int32 {
	ids = append(ids, tokenBegin)
	for _, m := range messages {
		ids = append(ids, tokenMessage, wordID(m.role, vocab))
		ids = tokenize(ids, m.content, vocab)
	}
	return append(ids, tokenMessage, wordID("assistant", vocab))
}
