package platformtest

import "encoding/json"

// modelStatus is a status in the words of W4 and W5.
func modelStatus(status string) string {
	if status == Success {
		return "FINISH"
	}
	return status
}

// modelNews is the body of W5.
func modelNews(r *run, status string) []byte {
	body, _ := json.Marshal(struct {
		InstanceID string `json:"instanceId"`
		ModelID    string `json:"modelId"`
		Status     string `json:"status"`
	}{r.InstanceID, r.ModelID, status})
	return body
}
