// Package demo makes the company that a new instance shows: Dravena, an
// invented wholesaler of outdoor and workshop goods.
//
// Dravena AD in Plovdiv serves Bulgaria, Romania and Greece from warehouses in
// Plovdiv and Varna; Dravena Handels GmbH in Graz serves the countries north
// and west of it. There are about 300 products in three languages, 120
// customers in twelve countries (some are persons, some have left), stock, and
// three years of sales orders with a season and growth. The invoices begin 25
// months ago: earlier ones are supposed to be in the books of the time before.
// Firms, people and numbers are made up, and mail addresses end in .example.
//
// The data is made from a fixed seed and the day it is made on. Ids come from
// names and are the same in every instance; a second seed changes nothing.
// [Seed] inserts rows without a [write.Writer], for speed; a test writes all of
// them again through one and expects the same values, so every row keeps every
// rule of the model.
//
// Who may see what: internal users see everything, as their scope says. An
// external user sees the documents of the one customer that [Portal] gives
// access to. The first is Gipfel & Faden Lechner GmbH in Innsbruck, with
// orders and invoices every month; the next seven are about as busy.
package demo
