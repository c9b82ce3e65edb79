package runbook

// variable checks an entry of Vars.
func (v *validator) variable(entry any, path string) {
	declared, err := variableOf(entry)
	if err != nil {
		v.faults.Add(path, err)
		return
	}
	at := join(path, declared.at)
	if declared.at != "" {
		v.declaration(declared.Var, path)
	}
	if value, isConstant := constantOf(declared.Default); isConstant && !v.decoded.covers(at, "") {
		v.faults.Add(at, declared.Check(value))
	}
}

func (v *validator) declaration(declared Var, path string) {
	if declared.Type == "" {
		v.faults.add(path, "type is missing")
	}
	checkWord(&v.faults, join(path, "type"), declared.Type, varTypes)
	if described[declared.Type] == "" {
		return // of which nothing else can be checked
	}
	v.plainText(join(path, "secretRef"), declared.SecretRef)
	seen := map[string]bool{}
	for i, allowed := range declared.Enum {
		at := index(join(path, "enum"), i)
		if _, isConstant := constantOf(allowed); !isConstant {
			v.faults.add(at, "takes no expressions: what is allowed is known before the run begins")
		}
		v.faults.Add(at, Var{Type: declared.Type}.Check(allowed))
		if seen[show(allowed)] {
			v.faults.add(at, "%s is allowed already", clip(show(allowed)))
		}
		seen[show(allowed)] = true
	}
	if at := join(path, "pattern"); declared.Pattern != "" {
		_, err := declared.pattern()
		switch {
		case declared.Type != StringVar:
			v.faults.add(at, "is only for type: string")
		case len(declared.Pattern) > maxPattern:
			v.faults.add(at, "must have at most %d bytes, got %d", maxPattern, len(declared.Pattern))
		case err != nil:
			v.faults.add(at, "must be a regular expression: %s", err)
		}
	}
	if declared.Required && declared.Default != nil {
		v.faults.add(join(path, "default"), "is never used: the variable is required")
	}
	if declared.SecretRef == "" {
		return
	}
	if declared.Type != StringVar {
		v.faults.add(join(path, "secretRef"), "is only for type: string")
	}
	if len(declared.Enum) > 0 || declared.Pattern != "" || declared.Required || declared.Default != nil {
		v.faults.add(join(path, "secretRef"), "rules out enum, pattern, required and default: what the secret holds is not known here")
	}
}

// given checks the values that a step gives the variables of its runbook, and that none is missing.
func (v *validator) given(s *Step, path string) {
	for name := range Sorted(s.With) {
		at := join(join(path, "with"), name)
		if _, known := s.Runbook.Vars[name]; !known && !v.decoded.covers(join(path, "runbook"), "vars") {
			v.faults.add(at, "there is no such variable in the vars of the runbook")
			continue
		}
		declared, broken := variableOf(s.Runbook.Vars[name])
		value, err := plain(s.With[name])
		constant, isConstant := constantOf(value)
		if err == nil && broken == nil && (isConstant || declared.SecretRef != "") && !v.decoded.covers(at, "") {
			err = declared.accept(constant)
		}
		v.faults.Add(at, err)
	}
	for name := range Sorted(s.Runbook.Vars) {
		declared, _ := variableOf(s.Runbook.Vars[name])
		at := join(join(path, "runbook.vars"), name)
		_, isGiven := s.With[name]
		switch {
		case !declared.Required || isGiven || v.decoded.covers(at, ""):
		case s.With != nil:
			v.faults.add(join(path, "with"), "must give the variable %q a value: it has no default", clip(name))
		default:
			v.faults.add(at, "must have a value or an expression, or be given one in with: a nested runbook is given nothing at its start")
		}
	}
}
