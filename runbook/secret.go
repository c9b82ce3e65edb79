package runbook

import "regexp"

// aVariable is an expression that is nothing but a variable.
var aVariable = regexp.MustCompile(`^vars(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[(?:'([^'\\]*)'|"([^"\\]*)")\])$`)

// isExpression reports whether a text is nothing but an expression, which then keeps the type of its value.
func isExpression(text string) bool {
	parts, err := split(text)
	return err == nil && len(parts) == 1 && parts[0].expression
}

// Secrets returns the variables of the document that stand for secrets: their names, and those of the secrets.
func (d *Document) Secrets() map[string]string {
	secrets := map[string]string{}
	for name := range Sorted(d.Vars) {
		if v, _ := variableOf(d.Vars[name]); v.SecretRef != "" {
			secrets[name] = v.SecretRef
		}
	}
	return secrets
}

// WithSecrets returns the job with references to secrets where the whole value of an input is a variable that stands for
// one: what Secrets returns of its document.
func (j Job) WithSecrets(secrets map[string]string) Job {
	if len(secrets) > 0 {
		j.Params = j.Params.withSecrets(secrets)
	}
	return j
}

func (p Params) withSecrets(secrets map[string]string) Params {
	if p == nil {
		return nil
	}
	result := make(Params, len(p))
	for name := range Sorted(p) {
		param := p[name]
		if parts, err := split(param.Text); err == nil && len(parts) == 1 && parts[0].expression {
			for _, named := range aVariable.FindAllStringSubmatch(parts[0].text, 1) {
				if secret := secrets[named[1]+named[2]+named[3]]; secret != "" {
					param = SecretRef(secret)
				}
			}
		}
		param.Inputs = param.Inputs.withSecrets(secrets)
		result[name] = param
	}
	return result
}
