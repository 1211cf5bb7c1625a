package main

import "context"

func (b *bench) maps(context.Context) error { return nil }
