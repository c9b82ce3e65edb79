package platformtest

import "time"

// Example is a small catalogue to try things with: plans that succeed (acf42dd3 with a
// parameter, bcf42dd4, ccf42dd5), fail (dcf42dd6) and are suspended on the way
// (ecf42dd7), those of a switchover to another site, of a database's failover, of certificates (bcf42dc2 says at its third execution that
// one is issued) and of maintenance, of which fcf42de5 fails every second time, and models, of which mdfail00001 fails. Steps take a second or two.
func Example() Catalogue {
	const workdir = "DPA_MODEL_WORKDIR"
	inputs := []Input{{Name: workdir, Type: "running"}}
	succeeds := []Step{{Running, time.Second}, {Success, 2 * time.Second}}
	fails := []Step{{Running, time.Second}, {Fail, time.Second}}

	return Catalogue{
		Plans: append([]Plan{
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
		}, switchover()...),
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

// switchover are the plans that move a system to another site, together with bcf42dd4 and ccf42dd5.
func switchover() []Plan {
	plan := func(id, title, modelID, input string, nodes ...Node) Plan {
		p := Plan{ID: id, Title: title, Script: Script{
			Steps:   []Step{{Running, 500 * time.Millisecond}, {Success, time.Second}},
			Outputs: outputs(modelID, title, nodes...),
		}}
		if input != "" {
			p.Inputs = []ModelInputs{{ModelID: modelID, ModelName: title, Inputs: []Input{{Name: input, Type: "running"}}}}
		}
		return p
	}
	traffic := plan("fcf42de5", "流量切换", "md1606743911005", "DATABASE", Node{Name: "目标数据库", Result: "{{DATABASE}}"})
	traffic.Script.Flaky = true
	compare := plan("acf42df1", "数据库核对", "md1606743911101", "DATABASE",
		Node{Name: "核对结果", Result: `{"lag": 0.2, "tables": 128}`}, Node{Name: "主机清单", Result: "web1\nweb2\nweb3\n"})
	compare.Inputs[0].Inputs = append(compare.Inputs[0].Inputs, Input{Name: "PASSWORD", Type: "running"})
	status := plan("bcf42dc2", "证书状态", "md1606743911202", "CERTIFICATE", Node{Name: "状态", Result: "签发中"})
	issued := status.Script
	issued.Outputs = outputs("md1606743911202", "证书状态", Node{Name: "状态", Result: "已签发"})
	status.Script.Next = []Script{status.Script, issued}
	replace := plan("ccf42dc3", "证书替换", "md1606743911203", "HOST", Node{Name: "主机", Result: "{{HOST}}"})
	replace.Inputs[0].Inputs = append(replace.Inputs[0].Inputs, Input{Name: "CERTIFICATE", Type: "running"})
	return []Plan{
		plan("acf42dc1", "证书签发", "md1606743911201", "DOMAIN", Node{Name: "证书编号", Result: "ZS-2048"}),
		status,
		replace,
		plan("acf42db1", "服务重启", "md1606743911301", "HOST", Node{Name: "主机", Result: "{{HOST}}"}),
		plan("bcf42db2", "数据库备份", "md1606743911302", "", Node{Name: "备份编号", Result: "BF-0099"}),
		plan("ccf42db3", "参数调整", "md1606743911303", "VERSION", Node{Name: "版本", Result: "{{VERSION}}"}),
		plan("ecf42db4", "参数还原", "md1606743911304", "BACKUP", Node{Name: "备份编号", Result: "{{BACKUP}}"}),
		compare,
		plan("acf42de1", "备站检查", "md1606743911001", "SITE", Node{Name: "备站", Result: "{{SITE}}"}, Node{Name: "复制延迟", Result: "0"}),
		plan("bcf42de2", "冻结变更", "md1606743911002", "", Node{Name: "冻结单号", Result: "FZ-0042"}),
		plan("ccf42de3", "解除冻结", "md1606743911003", "TICKET", Node{Name: "冻结单号", Result: "{{TICKET}}"}),
		plan("ecf42de4", "数据库回切", "md1606743911004", "", Node{Name: "新主库", Result: "10.0.0.11"}),
		traffic,
		plan("acf42de6", "主机探测", "md1606743911006", "HOST", Node{Name: "探测主机", Result: "{{HOST}}"}),
		plan("bcf42de7", "流量回切", "md1606743911007", "", Node{Name: "目标数据库", Result: "10.0.0.11"}),
		plan("dcf42de8", "值班通知", "md1606743911008", "REASON", Node{Name: "通知编号", Result: "TZ-0007"}),
	}
}

func outputs(id, name string, nodes ...Node) []ModelOutputs {
	return []ModelOutputs{{ModelID: id, ModelName: name, Nodes: nodes}}
}
