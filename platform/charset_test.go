package platform

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	utf "golang.org/x/text/encoding/unicode"
)

// answers in a charset, with its name in the Content-Type as it is given.
func answersIn(t *testing.T, charset encoding.Encoding, contentType, body string) http.HandlerFunc {
	t.Helper()
	written := []byte(body)
	if charset != nil {
		var err error
		written, err = charset.NewEncoder().Bytes(written)
		require.NoError(t, err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType} // Go would guess one
		_, _ = w.Write(written)
	}
}

var (
	gbk     = simplifiedchinese.GBK
	gb18030 = simplifiedchinese.GB18030
	big5    = traditionalchinese.Big5
	utf16le = utf.UTF16(utf.LittleEndian, utf.UseBOM)
	utf16be = utf.UTF16(utf.BigEndian, utf.IgnoreBOM)
)

func TestAnAnswerIsReadInTheCharsetThatItNames(t *testing.T) {
	t.Parallel()
	// The second byte of 乗 and of 測 is a backslash in GBK and another in Big5.
	for name, row := range map[string]struct {
		charset           encoding.Encoding
		contentType, says string
	}{
		"none named, UTF-8":         {nil, "application/json", "测试结果"},
		"no Content-Type":           {nil, "", "测试结果"},
		"UTF-8":                     {nil, "application/json;charset=UTF-8", "测试结果"},
		"UTF-8 and a mark":          {nil, "application/json;charset=UTF-8", "测试结果"},
		"GBK":                       {gbk, "application/json;charset=GBK", "测试结果"},
		"GBK quoted":                {gbk, `application/json; charset="gbk"`, "测试结果"},
		"GBK badly written":         {gbk, "application/json; Charset = gbk ; charset=gbk", "测试结果"},
		"GBK with a backslash":      {gbk, "application/json;charset=gbk", "乗亄"},
		"GB2312":                    {gbk, "text/html; charset=GB2312", "测试结果"},
		"GB2312 that is more":       {gb18030, "text/html; charset=GB2312", "㐀测试𠀀"},
		"GB18030":                   {gb18030, "application/json;charset=gb18030", "㐀测试𠀀€"},
		"CP936":                     {gbk, "application/json;charset=CP936", "测试结果"},
		"MS936":                     {gbk, "application/json;charset=MS936", "测试结果"},
		"Big5":                      {big5, "application/json;charset=Big5", "測試功結果"},
		"Shift_JIS":                 {japanese.ShiftJIS, "application/json;charset=Shift_JIS", "表示"},
		"UTF-16 by its mark":        {utf16le, "application/json", "测试结果"},
		"UTF-16BE":                  {utf16be, "application/json;charset=UTF-16BE", "测试结果"},
		"Latin-1, and yet UTF-8":    {nil, "application/json;charset=ISO-8859-1", "测试结果"},
		"a charset of ASCII alone":  {nil, "application/json;charset=us-ascii", "ok"},
		"an unknown one, but ASCII": {nil, "application/json;charset=x-ibm-4711", "ok"},
		"GBK of what UTF-8 left":    {gbk, "application/json;charset=GBK", "锟斤拷"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := ""
			if name == "UTF-8 and a mark" {
				mark = "\ufeff"
			}
			body := mark + envelope(200, `[{"modelName":"`+row.says+`","mapParam":[{"nodeName":"n","result":"`+row.says+`"}]}]`)
			c := withToken(newClient(t, serve(t, answersIn(t, row.charset, row.contentType, body)).URL))
			outputs, err := c.PlanOutputs(t.Context(), "acf42dd3", "in1")
			require.NoError(t, err)
			require.Equal(t, []ModelOutputs{{ModelName: row.says, Nodes: []NodeOutput{{"n", row.says}}}}, outputs)
		})
	}
}

func TestAnAnswerInAnUnknownCharsetIsRefusedNotGarbled(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		charset     encoding.Encoding
		contentType string
	}{
		"GBK, and none named":   {gbk, "application/json"},
		"GBK, and UTF-8 named":  {gbk, "application/json;charset=UTF-8"},
		"GBK, and Latin-1":      {gbk, "application/json;charset=ISO-8859-1"},
		"GBK, and ASCII":        {gbk, "application/json;charset=us-ascii"},
		"GBK, and an unknown":   {gbk, "application/json;charset=x-ibm-4711"},
		"Big5, and UTF-16 said": {big5, "application/json;charset=utf-16"},
		"Big5, and none named":  {big5, "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := envelope(200, `[{"processPlanId":"p","title":"測試"}]`)
			plans, err := withToken(newClient(t, serve(t, answersIn(t, row.charset, row.contentType, body)).URL)).Plans(t.Context())
			require.Error(t, err)
			require.Empty(t, plans)
			if name != "Big5, and UTF-16 said" { // of which not even the envelope is left
				require.ErrorIs(t, err, ErrEncoding)
				require.Equal(t, Unknown, OutcomeOf(err))
			}
		})
	}
}

// What a trigger came to must not be in doubt for the sake of words.
func TestATriggersAnswerInAnUnknownCharsetIsTakenByItsASCII(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		body string
		want Outcome
	}{
		"an instance":          {`{"code":200,"message":"成功","data":[{"planInstanceId":"in10000001"}]}`, Triggered},
		"a refusal":            {`{"code":999,"message":"预案不存在","data":null}`, Rejected},
		"an instance in words": {`{"code":200,"message":"成功","data":[{"planInstanceId":"实例1"}]}`, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, answersIn(t, gbk, "application/json", row.body))
			instance, err := newClient(t, server.URL).TriggerPlan(t.Context(), trigger)
			require.Equal(t, row.want, OutcomeOf(err), "%v", err)
			require.Equal(t, row.want == Triggered, instance == "in10000001")
		})
	}
	server := serve(t, answersIn(t, gbk, "application/json",
		`{"code":200,"message":"成功","data":{"instanceId":"in1","status":"FINISH","mapParam":[{"nodeName":"n","result":"测试"}]}}`))
	trigger := modelTrigger
	trigger.Sync = true
	got, err := newModelClient(t, server.URL).TriggerModel(t.Context(), trigger)
	require.NoError(t, err)
	require.Equal(t, ModelAnswer{InstanceID: "in1"}, got, "W4 and W7 have the rest, or say that it cannot be read")
}
