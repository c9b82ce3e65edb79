package platformtest

import "time"

// Example is a small catalogue to try things with: plans that succeed (acf42dd3 with a
// parameter, bcf42dd4, ccf42dd5), fail (dcf42dd6) and are suspended on the way
// (ecf42dd7), and models, of which mdfail00001 fails. Steps take a second or two.
func Example() Catalogue {
	const workdir = "DPA_MODEL_WORKDIR"
	inputs := []Input{{Name: workdir, Type: "running"}}
	succeeds := []Step{{Running, time.Second}, {Success, 2 * time.Second}}
	fails := []Step{{Running, time.Second}, {Fail, time.Second}}

	return Catalogue{
		Plans: []Plan{
			{
				ID: "acf42dd3", Title: "测试预案",
				Inputs: []ModelInputs{{ModelID: "md1606743910508", ModelName: "环境检查", Inputs: inputs}},
				Script: Script{Steps: succeeds, Outputs: outputs("md1606743910508", "环境检查",
					Node{Name: "工作目录", Result: "{{" + workdir + "}}"},
					Node{Name: "磁盘剩余空间", Result: "128GB"})},
			},
			{
				ID: "bcf42dd4", Title: "主备切换",
				Script: Script{Steps: succeeds, Outputs: outputs("md1606743910601", "数据库切换",
					Node{Name: "新主库", Result: "10.0.0.12"},
					Node{Name: "切换耗时", Result: "1.8秒"})},
			},
			{
				ID: "ccf42dd5", Title: "切换后验证",
				Script: Script{Steps: succeeds, Outputs: outputs("md1606743910702", "业务验证",
					Node{Name: "健康检查", Result: "通过"},
					Node{Name: "异常交易数", Result: "0"})},
			},
			{
				ID: "dcf42dd6", Title: "故障演练",
				Script: Script{Steps: fails, Outputs: outputs("md1606743910803", "故障注入",
					Node{Name: "错误信息", Result: "目标主机不可达"})},
			},
			{
				ID: "ecf42dd7", Title: "人工确认切换",
				Script: Script{
					Steps:   []Step{{Running, time.Second}, {Pending, time.Second}, {Success, 2 * time.Second}},
					Outputs: outputs("md1606743910904", "人工确认", Node{Name: "确认结果", Result: "同意"}),
				},
			},
		},
		Models: []Model{
			{
				ID: "md1606743910508", Name: "环境检查", Inputs: inputs,
				Script: Script{Steps: succeeds, Outputs: outputs("md1606743910508", "环境检查",
					Node{Name: "工作目录", Result: "{{" + workdir + "}}", Designated: true},
					Node{Name: "磁盘剩余空间", Result: "128GB"})},
			},
			{
				ID: "am10080", Name: "聚合判断优化",
				Script: Script{Steps: succeeds, Outputs: outputs("am10080", "聚合判断优化",
					Node{Name: "判断结果", Result: "正常", Designated: true})},
			},
			{
				ID: "mdfail00001", Name: "磁盘清理",
				Script: Script{Steps: fails, Outputs: outputs("mdfail00001", "磁盘清理",
					Node{Name: "错误信息", Result: "权限不足"})},
			},
		},
	}
}

func outputs(id, name string, nodes ...Node) []ModelOutputs {
	return []ModelOutputs{{ModelID: id, ModelName: name, Nodes: nodes}}
}
